"""The leaderboard: reads the results store and the artefacts; computes no score of its own, imports no torch."""
