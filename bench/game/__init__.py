"""Suites, submissions and threat models, and a check that a run can be played on this machine."""
