"""Read a submission of either version. Errors of version 2 begin with the file and the line of the field."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import yamlfile, yamltext
from bench.errors import UserError, printable, show
from bench.game.submissions.schema import KINDS, VERSION, Common, Entry
from bench.game.submissions.version1 import Submission

NAME = "submission.yaml"
"""The file of a submission in its folder."""


def locate(path: Path) -> Path:
    """Return the YAML file of a submission, which is given by that file or its folder."""
    return path / NAME if os.path.isdir(path) else path  # noqa: PTH112 - False, too, for a name that no file system takes


def read_submission(file: Path) -> Entry | Submission:
    """Read and check a submission. Raises UserError that names the field, the value and what is allowed."""
    text = yamlfile.read_text(file)
    try:
        content = yamlfile.load(text, [*Common.model_fields, "kind"])
    except UserError as error:
        raise UserError(f"{_name(file)}: {str(error).removeprefix('file: ')}") from None
    version = content.get("version")
    if type(version) is not int or version != VERSION:
        with errors_at(file):
            if "version" in content and (type(version) is not int or version != 1):
                raise UserError(f"version: {show(version)}; allowed: {VERSION}, and 1 for older files")
        return yamlfile.check(content, Submission)
    with errors_at(file):
        kind = content.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            found = show(kind) if "kind" in content else "missing"
            raise UserError(f"kind: {found}; allowed in a file of version: {VERSION}: {', '.join(KINDS)}")
        return yamlfile.check(content, KINDS[kind])


@contextmanager
def errors_at(file: Path) -> Iterator[None]:
    """Put the file and the line of the field that an error names before it."""
    try:
        yield
    except UserError as error:
        field = re.match(r"[\w.]*", str(error))
        line = yamltext.find_line(yamlfile.read_text(file), field[0] if field else "")
        raise UserError(f"{_name(file)}, line {line}: {error}") from None


def _name(file: Path) -> str:
    return printable(str(file)[-200:])
