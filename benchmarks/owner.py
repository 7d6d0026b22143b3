"""Peak memory of `bench protect` over growing numbers of pictures: python -m benchmarks.owner [COUNT ...]

Pictures of 64 x 48 with a question each, protected by a defense (--defense, random_noise) in a process of its own. The
numbers are the processes' peaks of resident memory, and the seconds of the whole command.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

COUNTS = (200, 1000, 5000)
SIZE = (48, 64)
"""Height and width of a picture."""

PROGRAM = """
import resource, sys
from bench.cli.main import app
app(sys.argv[1:], standalone_mode=False)
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def write_folder(folder: Path, count: int) -> None:
    """Write `count` pictures of random fields, and a table of questions."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    with (folder / "metadata.jsonl").open("w", encoding="utf-8") as table:
        for number in range(count):
            fields = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
            fields.resize(SIZE[::-1], Image.Resampling.NEAREST).save(folder / f"{number}.png")
            row = {"file_name": f"{number}.png", "question": "What is this?", "answer": f"thing {number % 7}"}
            table.write(json.dumps(row) + "\n")


def measure(count: int, options: list[str]) -> tuple[float, float]:
    """Return the peak memory in MB and the seconds of a process that protects `count` pictures."""
    with tempfile.TemporaryDirectory() as place:
        write_folder(Path(place, "mine"), count)
        command = ["protect", f"{place}/mine", "--out", f"{place}/out", *options]
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-c", PROGRAM, *command], stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout.rpartition("peak ")[2]), time.monotonic() - start


def main() -> None:
    """Print a line for each number of pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=list(COUNTS), metavar="COUNT")
    parser.add_argument("--defense", default="random_noise")
    parser.add_argument("-o", "--option", action="append", default=[], help="an option of the defense, key=value")
    arguments = parser.parse_args()
    options = ["--defense", arguments.defense, *(part for text in arguments.option for part in ("-o", text))]
    for count in arguments.counts:
        peak, seconds = measure(count, options)
        print(f"{count:>7} pictures  {peak:>7.0f} MB  {seconds:>6.0f} s")


if __name__ == "__main__":
    main()
