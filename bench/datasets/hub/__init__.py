"""Adapters of the data sets of the hub, one a file: each turns a row into a question and its answers."""
