"""Follow the documentation from a fresh clone, as a stranger would: python scripts/walk.py [FOLDER]

Clones the last commit into a new folder, sets it up, builds the documentation, and runs every block of commands below
a line `<!-- walk -->`, each page in a folder of its own. It stops at the first command that fails.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = ("docs/tutorial.md", "docs/commands.md", "docs/protect.md", "docs/detect.md")
MARKED = re.compile(r"<!-- walk -->\n+```console\n(.*?)```", re.S)

THINGS = """
from peft import get_peft_model
from bench.datasets import load
from bench.lvlm.adapters import lora_config
from bench.lvlm.catalog import load_once
load("emoji_smoke", "validation").save(__import__("pathlib").Path("pets"))
lvlm = load_once("tiny-llava-a")
get_peft_model(lvlm.model, lora_config(lvlm, 2, "language")).save_pretrained("suspect")
"""
"""Makes what the pages take to be there: a folder of pictures with questions, and the adapter of a suspect."""


def read_commands(page: str) -> Iterator[str]:
    """Yield the commands of the marked blocks of a page, in order."""
    for block in MARKED.findall((ROOT / page).read_text(encoding="utf-8")):
        yield from (line for line in block.splitlines() if line.strip())


def walk(folder: Path) -> None:
    """Clone into `folder`, and run everything there. Raises CalledProcessError for a command that fails."""
    clone, things = folder / "clone", folder / "things"
    things.mkdir(parents=True)
    path = os.pathsep.join([str(clone / ".venv" / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "BENCH_HOME": str(folder / "home")}

    def run(command: str, place: Path) -> None:
        started = time.monotonic()
        subprocess.run(["bash", "-ec", command], cwd=place, env=environment, check=True)
        print(f"{time.monotonic() - started:7.1f} s  {command}", file=sys.stderr, flush=True)

    run(f"git clone --quiet '{ROOT}' '{clone}'", folder)
    for target in ("setup", "docs"):
        run(f"make {target}", clone)
    subprocess.run(["bash", "-c", f"python -c '{THINGS}'"], cwd=things, env=environment, check=True)
    for page in PAGES:
        place = Path(shutil.copytree(things, folder / Path(page).stem))
        for command in read_commands(page):
            run(command, place)


def main() -> None:
    """Walk in the folder that is named, which is kept, or in a temporary one."""
    if len(sys.argv) > 1:
        return walk(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="bench-walk-") as folder:
        walk(Path(folder))


if __name__ == "__main__":
    main()
