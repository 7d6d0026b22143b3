"""Engines execute stages: processes of this machine, a Ray cluster, or Slurm. They know nothing of runs or suites."""
