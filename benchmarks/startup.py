"""Seconds to import what trains, and to end the process, with and without `bench.garbage`.

python -m benchmarks.startup
"""

import subprocess
import sys
import time

WAYS = {"as Python collects": "", "seldom": "from bench.garbage import collect_seldom; collect_seldom()"}

PROGRAM = """
import time
started = time.time()
{way}
import bench.lvlm.adapters
print(time.time() - started, time.time())
"""


def measure(way: str) -> tuple[float, float]:
    """Return the seconds of the imports, and from there to the end of the process."""
    command = [sys.executable, "-c", PROGRAM.format(way=way)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    imports, end = map(float, printed.split())
    return imports, time.time() - end


def main() -> None:
    """Print each way three times, in turns."""
    for _ in range(3):
        for name, way in WAYS.items():
            imports, end = measure(way)
            print(f"garbage is collected {name}: imports {imports:.1f} s, end of the process {end:.1f} s", flush=True)


if __name__ == "__main__":
    main()
