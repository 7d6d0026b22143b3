"""The data sets of the hub: one adapter a file, from a row with the hub's columns to a question and its answers."""
