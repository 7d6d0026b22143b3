"""The suites that are shipped, by name."""

from pathlib import Path

FOLDER = Path(__file__).parent


def presets() -> list[str]:
    """Names of the shipped suites."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))
