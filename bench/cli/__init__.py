"""The `bench` command: it parses, calls other packages and prints. Torch is imported when work starts, not before."""
