"""Submissions of strangers: a folder with `submission.yaml` and, by kind, files beside it. No code is executed here."""
