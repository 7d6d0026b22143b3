"""Follow docs/submitting.md in a fresh clone of this repository, as a stranger would: python -m scripts.follow_guide

Every command of every section is run, in order; of the whole required set only the plan is made. Another section than
all is named behind: python -m scripts.follow_guide "An attack"; "The pull request" needs "Code" before it. What the
clone holds is what was committed.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCH = [sys.executable, "-c", "from bench.cli.main import main; main()"]
NAMES = {"user.name": "Somebody", "user.email": "somebody@example.org", "commit.gpgsign": "false"}


def main(*chosen: str) -> None:
    """Clone the repository into a temporary folder, and follow the chosen sections there, or all."""
    with tempfile.TemporaryDirectory(prefix="bench-guide-") as place:
        clone = Path(place, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "switch", "--quiet", "--force-create", "main"], cwd=clone, check=True)
        for key, value in NAMES.items():
            subprocess.run(["git", "config", key, value], cwd=clone, check=True)
        environment = {**os.environ, "PYTHONPATH": str(clone), "BENCH_HOME": str(Path(place, "home"))}
        for section, text in read_sections(clone / "docs" / "submitting.md"):
            if not chosen or section in chosen:
                started = time.monotonic()
                for command in read_commands(text):
                    print(f"$ {shlex.join(command).splitlines()[0][:100]}", flush=True)
                    subprocess.run(command, cwd=clone, env=environment, check=True)
                print(f"== {section}: {time.monotonic() - started:.0f} s", flush=True)


def read_sections(guide: Path) -> Iterator[tuple[str, str]]:
    """Yield the title and the text of each section that has commands."""
    for part in guide.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        if "```" in text:
            yield title, text


def read_commands(text: str) -> Iterator[list[str]]:
    """Yield the commands and the examples of a section in their order, as they are run here."""
    for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        if language == "python":
            yield [sys.executable, "-c", block]
            continue
        for line in block.splitlines():
            program, *words = shlex.split(line)
            whole_set = words[:2] == ["submit", "run"] and "--small" not in words
            yield [*(BENCH if program == "bench" else [program]), *words, *(["--dry-run"] if whole_set else [])]


if __name__ == "__main__":
    main(*sys.argv[1:])
