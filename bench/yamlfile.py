"""Reading untrusted YAML into a closed model: small files of the strict YAML in `bench.yamltext`."""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bench import yamltext
from bench.errors import UserError, printable, show

MAX_BYTES = 64 * 1024
T = TypeVar("T", bound=BaseModel)


def read(file: Path, model: type[T]) -> T:
    """Read a file into a `model`, where a text is never taken for a number.

    Raises UserError that names the field or line, the value and what is allowed.
    """
    return check(load(read_text(file), model.model_fields), model)


def load(text: str, fields: Iterable[str]) -> dict[str, object]:
    """Return the map that a text is. Raises UserError with the line, or with the names of the `fields` of a file."""
    try:
        content = yamltext.load(text)
    except ValueError as error:
        raise UserError(f"file: {error}") from None
    if not isinstance(content, dict):
        found = "nothing in it" if content is None else show(content)
        raise UserError(f"file: {found}; allowed: the fields {', '.join(fields)}")
    return content


def check(content: dict[str, object], model: type[T]) -> T:
    """Return a map as a `model`. Raises UserError that names the field, the value and what is allowed."""
    try:
        return model.model_validate(content, strict=True)
    except ValidationError as error:
        raise UserError(_describe(error)) from None


def read_text(file: Path) -> str:
    """Return the text of an ordinary file of at most `MAX_BYTES`. Raises UserError for any other."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise UserError(f"file: {show(file)} is a folder or device; allowed: a file")
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"file: {show(file)} does not exist") from None
    except (OSError, ValueError) as error:  # a ValueError for a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"file: {show(file)} cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise UserError(f"file: {show(file)} has more bytes than are allowed: {MAX_BYTES}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start]
        raise UserError(f"file: line {line}: the byte 0x{byte:02x} is not of UTF-8; allowed: text in UTF-8") from None


def _describe(error: ValidationError) -> str:
    """Return one line about the first fault; a field that does not exist goes before a missing one, which it may be."""
    faults = error.errors(include_url=False)
    missing = [".".join(map(str, fault["loc"])) for fault in faults if fault["type"] == "missing"]
    first = min(faults, key=lambda fault: fault["type"] != "extra_forbidden" if missing else 0)
    field = ".".join(printable(str(part)[:40]) for part in first["loc"]) or "file"
    if first["type"] == "missing":
        return f"{field}: missing; allowed: a file that has it"
    if first["type"] == "extra_forbidden" and missing:
        return f"{field}: {show(first['input'])}: no such field; missing: {', '.join(missing)}"
    reason = "no such field" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"{field}: {show(first['input'])}: {printable(reason)}"
