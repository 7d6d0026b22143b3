"""The `bench` command. Thin: it parses, calls the engine and prints; torch is imported when work starts."""
