"""One row of data of one's own: its cells checked, one line for what is wrong with it."""

import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple, cast, get_args

from bench.datasets.own.forms import Form, Raw, inside
from bench.datasets.splits import SPLITS
from bench.errors import UserError
from bench.samples import Rule
from bench.scoring.choice import letter

DESCRIBE = "Describe the picture."
"""The question of a caption."""

MAX_TEXT = 4000
MAX_LIST = 100
MAX_PICTURE = 64 * 2**20


class Texts(NamedTuple):
    """What a row says besides its picture; `id` and `split` are "" where it does not."""

    id: str
    split: str
    question: str
    answer: str
    answers: tuple[str, ...]
    choices: tuple[str, ...]
    rule: Rule


def texts(raw: Raw) -> Texts:
    """The checked texts of a row. Raises UserError that names file, row and column."""
    where, cells = raw.where, raw.cells
    given = {key: _text(cells.get(key), f"{where}: {key}") for key in ("question", "answer", "caption")}
    answers, choices = (_several(cells.get(key), f"{where}: {key}") for key in ("answers", "choices"))
    name = _text(cells.get("id"), f"{where}: id", most=128)
    split = _one_of(_text(cells.get("split"), f"{where}: split"), SPLITS, f"{where}: split")
    if split and raw.split:
        raise UserError(f"{where}: split: {split!r} in the {raw.split} split; allowed: none where folders tell it")
    rule = _one_of(_text(cells.get("rule"), f"{where}: rule"), get_args(Rule), f"{where}: rule")
    if given["caption"]:
        if given["question"] or given["answer"] or choices or rule not in ("", "caption"):
            raise UserError(f"{where}: caption: beside a question; allowed: question and answer, or a caption")
        return Texts(name, split or raw.split, DESCRIBE, given["caption"], answers, (), "caption")
    for key in ("question", "answer"):
        if not given[key]:
            raise UserError(f"{where}: {key}: missing; allowed: text, or a caption without question and answer")
    question, answer = given["question"], given["answer"]
    if choices:
        if answers or rule not in ("", "choice"):
            raise UserError(f"{where}: choices: beside answers or rule {rule!r}; allowed: one answer and rule 'choice'")
        answer, rule = _letter(answer, choices, where), "choice"
        question = with_options(question, choices)
    elif rule == "choice":
        raise UserError(f"{where}: choices: missing; allowed: 2 to 26 options where the rule is 'choice'")
    return Texts(name, split or raw.split, question, answer, answers, choices, cast(Rule, rule or "exact"))


def with_options(question: str, choices: tuple[str, ...]) -> str:
    """The question with a line "A. option" for each option, unless it has lines like "A: option" or "(A) option"."""
    lines = list(zip(ascii_uppercase, choices, strict=False))
    listed = (rf"^\s*\(?{name}\s?[.:)]\s*{re.escape(choice)}\s*$" for name, choice in lines)
    if all(re.search(pattern, question, re.MULTILINE) for pattern in listed):
        return question
    return "\n".join([question, *(f"{name}. {choice}" for name, choice in lines)])


def picture(raw: Raw, form: Form) -> bytes:
    """The file of a row's picture, undecoded. Raises UserError where it is not one file inside the data set."""
    named = [cells for key in ("file_name", "image") if (cells := raw.cells.get(key)) not in (None, "")]
    if len(named) != 1:
        fault = "two pictures" if named else "no picture"
        raise UserError(f"{raw.where}: {fault}; allowed: file_name or image, with a path or the bytes of a picture")
    cell, where = named[0], f"{raw.where}: picture"
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if not isinstance(cell, bytes):
        name = _text(cell, where)
        where = f"{where} {name[:80]!r}"
        file = inside(form.base(raw.split) / name, form.root, where)
        if file.stat().st_size > MAX_PICTURE:
            raise UserError(f"{where}: {file.stat().st_size} bytes; allowed: {MAX_PICTURE}")
        cell = file.read_bytes()
    if not 0 < len(cell) <= MAX_PICTURE:
        raise UserError(f"{where}: {len(cell)} bytes; allowed: 1 to {MAX_PICTURE}")
    return cell


def _text(cell: Any, where: str, most: int = MAX_TEXT) -> str:
    """A cell without white space around it; "" for an empty one."""
    if cell is None:
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool):
        cell = str(cell)
    if not isinstance(cell, str):
        raise UserError(f"{where}: {str(cell)[:80]!r} is {type(cell).__name__}; allowed: text or a whole number")
    text = cell.strip()
    if len(text) > most:
        raise UserError(f"{where}: {len(text)} characters; allowed: {most}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: {text[:60]!a} is not UTF-8; allowed: UTF-8 text") from None
    return text


def _several(cell: Any, where: str) -> tuple[str, ...]:
    """A list, or texts with | between them."""
    if isinstance(cell, str):
        cell = cell.split("|") if cell.strip() else []
    if cell is not None and not isinstance(cell, list):
        raise UserError(f"{where}: {str(cell)[:80]!r}; allowed: a list of texts, or texts with | between them")
    parts = tuple(_text(part, where) for part in cell or [])
    if len(parts) > MAX_LIST or not all(parts):
        raise UserError(f"{where}: {len(parts)} texts, {parts.count('')} empty; allowed: up to {MAX_LIST}, none empty")
    return parts


def _one_of(text: str, allowed: Sequence[str], where: str) -> str:
    if text and text not in allowed:
        raise UserError(f"{where}: {text[:80]!r}; allowed: {', '.join(allowed)}")
    return text


def _letter(answer: str, choices: tuple[str, ...], where: str) -> str:
    """The right option's letter, from the letter or the option's text."""
    texts = [choice.casefold() for choice in choices]
    if not 2 <= len(choices) <= len(ascii_uppercase) or len(set(texts)) < len(texts):
        raise UserError(f"{where}: choices: {' | '.join(choices)[:200]!r}; allowed: 2 to 26 different options")
    meant = {ascii_uppercase[texts.index(answer.casefold())]} if answer.casefold() in texts else set()
    if (told := letter(answer, len(choices))) is not None:
        meant.add(told)
    if len(meant) != 1:
        fault = "is the letter of one option and the text of another" if meant else "is none of the options"
        letters = f"a letter from A to {ascii_uppercase[len(choices) - 1]}"
        raise UserError(f"{where}: answer: {answer[:80]!r} {fault}; allowed: an option's text, or {letters}")
    return meant.pop()
