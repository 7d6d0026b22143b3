"""Other data beside the release, or less of it."""
