"""Read the lines and files that come out of a sandbox. Everything is checked anew: whoever wrote them is not trusted.

The lines are JSON, one object each. A line that announces a file is followed by its bytes. No file system is shared, so
there are no links, devices or folders to be careful of, and nothing is read beyond the size that fits the samples.
"""

import json
import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import IO, Any, Literal, NoReturn, TypeVar

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, field_validator

from attacks.base import AttackTraits
from bench.errors import UserError, printable, show
from bench.lazy import Picture, Spool
from bench.methods.registered import Traits
from bench.pictures import open_picture
from bench.samples import NOTHING, Rule, Sample, SampleSet
from bench.spec import Closed
from defenses.base import Defense, DefenseTraits

MAX_LINE = 2**20
"""Bytes of a line."""

MAX_TEXT = 2**24
"""Bytes of a text file of the release, and `TEXT_EACH` more for each sample."""

TEXT_EACH = 2**12

SHOWN = 300
"""Characters of an error from inside that are shown."""

PLACE = re.compile(r"|epochs/[1-9][0-9]{0,3}")
"""The folders of adapters in the artefact of an attack: itself, and those of epochs."""

METADATA, LOG = "metadata.jsonl", "log.json"

Model = TypeVar("Model")


class Ended(Exception):
    """The output ended before what was expected."""


class Started(Closed):
    """The first line: the process runs, and the foreign code is not loaded yet."""

    started: Literal[True]


class Step(Closed):
    """The fraction of the work that is done, and a note."""

    progress: float = Field(ge=0, le=1)
    note: str


class Failure(Closed):
    """The error that ended the work."""

    error: str


class File(Closed):
    """A file of `size` bytes, which follow."""

    file: str
    size: int = Field(ge=0)


class Done(Closed):
    """The last line."""

    done: Literal[True]


class MethodFacts(Closed):
    """Facts about a method with its options, of what a plan needs before anything is computed.

    options: the value of each. naming: those that name it, which differ from their defaults.
    """

    options: dict[str, Any]
    naming: dict[str, bool | int | float | str]


class Facts(MethodFacts):
    """Facts about a defense."""

    traits: DefenseTraits

    @field_validator("traits")
    @classmethod
    def check_inputs(cls, traits: DefenseTraits) -> DefenseTraits:
        """Raise ValueError for an input that no defense has."""
        if not traits.depends <= Defense.depends:
            raise ValueError(f"depends: {show(sorted(traits.depends))}; allowed: {', '.join(sorted(Defense.depends))}")
        return traits


class AttackFacts(MethodFacts):
    """Facts about an attack, parts included."""

    traits: AttackTraits

    @field_validator("traits")
    @classmethod
    def check_knowledge(cls, traits: AttackTraits) -> AttackTraits:
        """Raise ValueError for a level of knowledge that does not cover the data that the attack needs."""
        levels = {"queried": "K3", "owner": "K4"}
        if not traits.needs <= levels.keys():
            raise ValueError(f"needs: {show(sorted(traits.needs))}; allowed: {', '.join(levels)}")
        least = max((levels[name] for name in traits.needs), default="K0")
        if not least <= traits.knowledge <= "K4" or len(traits.knowledge) != 2:
            needed = f", as it needs: {', '.join(sorted(traits.needs))}" if traits.needs else ""
            raise ValueError(f"knowledge: {show(traits.knowledge)}; allowed: {least} to K4{needed}")
        if not 0 <= traits.clean_share <= (most := int("owner" in traits.needs)):
            allowed = f"0 to {most}" if most else "0, or `owner` in `needs`"
            raise ValueError(f"clean_share: {show(traits.clean_share)}; allowed: {allowed}")
        if traits.queries < (least_queries := int("queried" in traits.needs)):
            raise ValueError(f"queries: {show(traits.queries)}; allowed: {least_queries} or more")
        places = [place for points in traits.checkpoints.values() for place in points.values()]
        if not all(PLACE.fullmatch(place) for place in places):
            raise ValueError("checkpoints: allowed: folders epochs/NUMBER")
        return traits


class PartFacts(MethodFacts):
    """Facts about a part of an attack."""

    traits: Traits


F = TypeVar("F", bound=MethodFacts)


class Row(Closed):
    """A sample in the metadata."""

    file_name: str
    id: str
    question: str
    answer: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    rule: Rule = "exact"


Message = Step | Failure | File | Done
LINES: TypeAdapter[Message] = TypeAdapter(Message)


def read_start(stream: IO[bytes]) -> None:
    """Read the first line. Raises Ended where there is none."""
    parse(_read_line(stream), TypeAdapter(Started), "the first line")


def read_facts(stream: IO[bytes], kind: type[F]) -> F:
    """Read the facts about a method. Raises UserError for an error from inside or another answer, and Ended.

    A fact that does not hold is told with its field, its value and what is allowed.
    """
    text = _read_line(stream)
    try:
        content = load_json(text)
        if isinstance(content, dict) and content.keys() == {"error"}:
            raise UserError(shorten(Failure.model_validate(content).error))
        return kind.model_validate(content)
    except (ValueError, RecursionError) as error:
        return _refuse_facts(text, error)


def _refuse_facts(text: bytes, error: ValueError | RecursionError) -> NoReturn:
    """Raise UserError for a text that is no facts: with the field and its value, if it is one that does not hold."""
    if not isinstance(error, ValidationError):
        refuse(f"the answer {show(text.decode(errors='replace'))}", "facts about a method of its kind")
    first = error.errors()[0]
    reason = shorten(first["msg"].removeprefix("Value error, "))
    if first["type"] == "value_error":
        raise UserError(reason)
    field = printable(".".join(str(part)[:40] for part in first["loc"]) or "answer")
    raise UserError(f"{field}: {show(first['input'])}; allowed: facts about a method of its kind ({reason[:80]})")


def read_release(
    stream: IO[bytes], original: SampleSet, progress: Callable[[float, str], None]
) -> tuple[SampleSet, dict[str, Any]]:
    """Read a release of these samples, and its log. Raises UserError for an error from inside or another answer.

    Only pictures of the original's names and sizes are decoded. Ids, answers and questions are not compared here.
    Raises Ended where the output ends too soon.
    """
    shapes = {s.image_id: s.shape for s in original}
    pictures, texts = Spool[str](), dict[str, bytes]()
    while not isinstance(line := read_message(stream), Done):
        if isinstance(line, Step):
            progress(line.progress, printable(line.note[:80]))
        elif not isinstance(line, File):
            refuse(f"the answer {show(line)}", "a release")
        elif line.file in (METADATA, LOG) and line.file not in texts:
            texts[line.file] = read_bytes(stream, line, MAX_TEXT + TEXT_EACH * len(original))
        else:
            name = line.file.removeprefix("images/").removesuffix(".png")
            if line.file != f"images/{name}.png" or name not in shapes or name in pictures:
                refuse(f"the file {show(line.file)}", f"{METADATA}, {LOG} and each picture of the original, once")
            height, width, _ = shapes[name]
            data = read_bytes(stream, line, 2 * 3 * height * width + 2**16)
            pictures[name] = _decode(data, line.file, height, width)
    log = parse(texts.get(LOG, b"{}"), TypeAdapter(dict[str, Any]), LOG)
    rows = [line for line in texts.get(METADATA, b"").split(b"\n") if line]
    row_type = TypeAdapter(Row)
    chosen = {name: pictures.picture(name) for name in pictures}
    samples = [
        _sample(parse(row, row_type, f"{METADATA}, line {number}"), chosen) for number, row in enumerate(rows, start=1)
    ]
    return SampleSet(tuple(samples)), log


def _sample(row: Row, pictures: Mapping[str, np.ndarray | Picture]) -> Sample:
    """Return the sample of a row."""
    name = row.file_name.removeprefix("images/").removesuffix(".png")
    if row.file_name != f"images/{name}.png" or name not in pictures:
        refuse(f"{METADATA}: file_name {show(row.file_name)}", "a picture of the release")
    texts = (row.question, row.answer, row.answers, row.choices, row.rule)
    return Sample(row.id, name, NOTHING, *texts).change(pixels=pictures[name])


def _decode(data: bytes, name: str, height: int, width: int) -> np.ndarray:
    """Return the pixels (H, W, 3) of a PNG file. One of another size or mode is refused before it is decoded."""
    with open_picture(data, name, ("PNG",)) as picture:
        if (picture.mode, picture.size) != ("RGB", (width, height)):
            given = f"{name} of {picture.width}x{picture.height} in mode {picture.mode}"
            refuse(given, f"{width}x{height} in mode RGB")
        return np.asarray(picture)


def read_message(stream: IO[bytes]) -> Message:
    """Read a line. Raises UserError with the error from inside, where it is one."""
    content = parse(_read_line(stream), TypeAdapter(Any), "a line")
    try:
        line = LINES.validate_python(content)
    except ValidationError:
        refuse(f"the answer {show(content)}", "progress, an error, or a file or the end of a release or an adapter")
    if isinstance(line, Failure):
        raise UserError(shorten(line.error))
    return line


def _read_line(stream: IO[bytes]) -> bytes:
    line = stream.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        refuse("a line of more than 1 MB", "shorter ones")
    if not line.endswith(b"\n"):
        raise Ended
    return line


def read_bytes(stream: IO[bytes], file: File, limit: int) -> bytes:
    if file.size > limit:
        refuse(f"{show(file.file)} of {file.size} bytes", f"{limit}")
    data = stream.read(file.size)
    if len(data) < file.size:
        raise Ended
    return data


def parse(text: bytes, kind: TypeAdapter[Model], name: str) -> Model:
    """Return a JSON text as a value of a closed type. Raises UserError for any other text."""
    try:
        return kind.validate_python(load_json(text))
    except (ValueError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        return refuse(f"{name}: {show(text.decode(errors='replace'))} ({shorten(reason)[:80]})", "closed JSON")


def load_json(text: bytes) -> object:
    """Return what JSON says to every reader. Raises ValueError for keys twice, no numbers, and half characters."""
    value = json.loads(text.decode(), parse_constant=_parse_number, parse_float=_parse_number, object_pairs_hook=_once)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _parse_number(text: str) -> float:
    if not isfinite(number := float(text)):
        raise ValueError(f"{text[:40]} is no number")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(f"a key is there twice, of {', '.join(content)[:80]}")
    return content


def refuse(what: str, allowed: str) -> NoReturn:
    raise UserError(f"out of the sandbox came {what}; allowed: {allowed}")


def shorten(text: str) -> str:
    """Return a foreign text as one printable line, cut where it is long.

    >>> shorten("a\\x1b[0m\\nb")
    'a\\\\x1b[0m b'
    """
    line = printable(" ".join(text.splitlines()))
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}... ({len(line)} characters)"
