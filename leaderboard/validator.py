"""The check of an uploaded submission: that of `bench submit validate`, in a process of its own, one at a time."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import NamedTuple

from bench.errors import UserError
from bench.game.submissions.read import NAME, read_submission
from bench.game.submissions.schema import Code, Release
from bench.yamlfile import MAX_BYTES

SECONDS = 90
"""The longest time that a check may take."""

COMMAND = "from bench.cli.main import main; main()"

FILES = "The files beside it are not uploaded: `bench submit validate` on your machine checks them, too."
"""The note for kinds that have other files."""

_one_at_a_time = Lock()


class Checked(NamedTuple):
    """The answer of the validator, in one line, and a note of the page's own."""

    is_valid: bool
    message: str
    note: str = ""


def validate(content: bytes) -> Checked:
    """Return what the validator says of the content of a YAML file."""
    if len(content) > MAX_BYTES:
        return Checked(False, f"{NAME}: {len(content)} bytes; allowed: {MAX_BYTES}")
    with TemporaryDirectory() as folder:
        file = Path(folder, NAME)
        file.write_bytes(content)
        try:
            entry = read_submission(file)
        except UserError as error:
            return Checked(False, _hide(str(error), folder))
        if isinstance(entry, Code | Release):
            return Checked(True, f"valid: {entry.title}, kind {entry.kind}", FILES)
        return _run_validator(file, folder)


def _run_validator(file: Path, folder: str) -> Checked:
    """Return the answer of `bench submit validate`, which also builds the options of methods."""
    with _one_at_a_time:
        command = [sys.executable, "-c", COMMAND, "submit", "validate", str(file)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return Checked(False, f"the check took more than {SECONDS} s; run bench submit validate on your machine")
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["no answer"]
    return Checked(done.returncode == 0, _hide(lines[-1].removeprefix("error: "), folder))


def _hide(text: str, folder: str) -> str:
    """Return a message without the temporary folder."""
    return text.replace(f"{folder}/", "")
