"""What is played: suites, submissions, threat models, and whether a run can be played on this machine."""
