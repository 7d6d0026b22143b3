"""Checks of one row of your own data: its texts and the bytes of its picture, or one line about its first fault."""

import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple, cast, get_args

from bench.datasets.own.formats import RawDataset, RawRow, inside
from bench.datasets.splits import SPLITS
from bench.errors import UserError
from bench.samples import Rule
from bench.scoring.choice import read_letter

DESCRIBE = "Describe the picture."
"""The question for rows that have a caption."""

MAX_TEXT = 4000
MAX_LIST = 100
MAX_PICTURE = 64 * 2**20


class CheckedTexts(NamedTuple):
    """The texts of a row; `id` and `split` are "" if the row has none."""

    id: str
    split: str
    question: str
    answer: str
    answers: tuple[str, ...]
    choices: tuple[str, ...]
    rule: Rule


def check_texts(raw: RawRow) -> CheckedTexts:
    """Return the checked texts of a row. Raises UserError that names file, row and column."""
    where, cells = raw.where, raw.cells
    texts = {key: _check_text(cells.get(key), f"{where}: {key}") for key in ("question", "answer", "caption")}
    answers, choices = (_check_list(cells.get(key), f"{where}: {key}") for key in ("answers", "choices"))
    name = _check_text(cells.get("id"), f"{where}: id", most=128)
    split = _check_choice(_check_text(cells.get("split"), f"{where}: split"), SPLITS, f"{where}: split")
    if split and raw.split:
        raise UserError(f"{where}: split: {split!r} in the {raw.split} split; allowed: none if its folder is a split")
    rule = _check_choice(_check_text(cells.get("rule"), f"{where}: rule"), get_args(Rule), f"{where}: rule")
    if texts["caption"]:
        if texts["question"] or texts["answer"] or choices or rule not in ("", "caption"):
            raise UserError(f"{where}: caption: together with a question; allowed: question and answer, or a caption")
        return CheckedTexts(name, split or raw.split, DESCRIBE, texts["caption"], answers, (), "caption")
    for key in ("question", "answer"):
        if not texts[key]:
            raise UserError(f"{where}: {key}: missing; allowed: text, or a caption without question and answer")
    question, answer = texts["question"], texts["answer"]
    if choices:
        if answers or rule not in ("", "choice"):
            raise UserError(
                f"{where}: choices: together with answers or rule {rule!r}; allowed: one answer and rule 'choice'"
            )
        answer, rule = _answer_letter(answer, choices, where), "choice"
        question = add_options(question, choices)
    elif rule == "choice":
        raise UserError(f"{where}: choices: missing; allowed: 2 to 26 options where the rule is 'choice'")
    return CheckedTexts(name, split or raw.split, question, answer, answers, choices, cast(Rule, rule or "exact"))


def add_options(question: str, choices: tuple[str, ...]) -> str:
    """Add a line "A. option" for each option, unless the question has lines like "A: option" or "(A) option".

    >>> print(add_options("Which?", ("red", "blue")))
    Which?
    A. red
    B. blue
    """
    lines = list(zip(ascii_uppercase, choices, strict=False))
    patterns = (rf"^\s*\(?{name}\s?[.:)]\s*{re.escape(choice)}\s*$" for name, choice in lines)
    if all(re.search(pattern, question, re.MULTILINE) for pattern in patterns):
        return question
    return "\n".join([question, *(f"{name}. {choice}" for name, choice in lines)])


def read_picture(raw: RawRow, dataset: RawDataset) -> bytes:
    """Return the file of a row's picture, undecoded. Raises UserError unless it is one file inside the data set."""
    cells = [raw.cells.get(key) for key in ("file_name", "image")]
    pictures = [cell for cell in cells if cell not in (None, "")]
    if len(pictures) != 1:
        fault = "two pictures" if pictures else "no picture"
        raise UserError(f"{raw.where}: {fault}; allowed: file_name or image, with a path or the bytes of a picture")
    cell, where = pictures[0], f"{raw.where}: picture"
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if not isinstance(cell, bytes):
        name = _check_text(cell, where)
        where = f"{where} {name[:80]!r}"
        file = inside(dataset.base(raw.split) / name, dataset.root, where)
        if file.stat().st_size > MAX_PICTURE:
            raise UserError(f"{where}: {file.stat().st_size} bytes; allowed: {MAX_PICTURE}")
        cell = file.read_bytes()
    if not 0 < len(cell) <= MAX_PICTURE:
        raise UserError(f"{where}: {len(cell)} bytes; allowed: 1 to {MAX_PICTURE}")
    return cell


def _check_text(cell: Any, where: str, most: int = MAX_TEXT) -> str:
    """Return the text of a cell without white space around it; "" for an empty cell."""
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


def _check_list(cell: Any, where: str) -> tuple[str, ...]:
    """Return the texts of a list, or of one text with | between them."""
    if isinstance(cell, str):
        cell = cell.split("|") if cell.strip() else []
    if cell is not None and not isinstance(cell, list):
        raise UserError(f"{where}: {str(cell)[:80]!r}; allowed: a list of texts, or texts with | between them")
    parts = tuple(_check_text(part, where) for part in cell or [])
    if len(parts) > MAX_LIST or not all(parts):
        raise UserError(f"{where}: {len(parts)} texts, {parts.count('')} empty; allowed: up to {MAX_LIST}, none empty")
    return parts


def _check_choice(text: str, allowed: Sequence[str], where: str) -> str:
    if text and text not in allowed:
        raise UserError(f"{where}: {text[:80]!r}; allowed: {', '.join(allowed)}")
    return text


def _answer_letter(answer: str, choices: tuple[str, ...], where: str) -> str:
    """Return the letter of the right option; the answer is its letter or its text."""
    texts = [choice.casefold() for choice in choices]
    if not 2 <= len(choices) <= len(ascii_uppercase) or len(set(texts)) < len(texts):
        raise UserError(f"{where}: choices: {' | '.join(choices)[:200]!r}; allowed: 2 to 26 different options")
    letters = {ascii_uppercase[i] for i, text in enumerate(texts) if text == answer.casefold()}
    letter = read_letter(answer, len(choices))
    if letter is not None:
        letters.add(letter)
    if len(letters) != 1:
        fault = "is the letter of one option and the text of another" if letters else "is none of the options"
        allowed = f"a letter from A to {ascii_uppercase[len(choices) - 1]}"
        raise UserError(f"{where}: answer: {answer[:80]!r} {fault}; allowed: an option's text, or {allowed}")
    return letters.pop()
