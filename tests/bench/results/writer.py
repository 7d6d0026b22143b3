"""Save 500 runs in one process, and between them one run that every other writer saves too.

python writer.py NUMBER, with the columns of a run as JSON on standard input.
"""

import json
import sys
from datetime import UTC, datetime

from bench.results import Run, save

ROWS = 500
CONTESTED = "f" * 16


def main(writer: int, values: dict[str, object]) -> None:
    """Save the runs of one writer."""
    for number in range(ROWS):
        for key in [f"{writer:04x}{number:012x}"] + [CONTESTED] * (number % 10 == 0):
            changes = {"id": key, "seed": writer, "command": f"writer {writer}", "stages": {"protect": str(writer)}}
            save(Run(**values | changes | {"created": datetime.now(UTC)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), json.load(sys.stdin))
