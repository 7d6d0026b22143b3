"""The suites that come with the package."""

from pathlib import Path

FOLDER = Path(__file__).parent


def presets() -> list[str]:
    """Return their names."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))
