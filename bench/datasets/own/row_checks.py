"""Checks of one row of your own data: its texts and the bytes of its picture, or one line about its first fault."""

import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple, cast, get_args

from bench.datasets.own.cells import check_list, check_plain, check_text, is_list_text
from bench.datasets.own.conversations import strip_marker, unfold
from bench.datasets.own.files import inside, read_limited
from bench.datasets.own.rows import RawDataset, RawRow, find_split
from bench.datasets.splits import SPLITS
from bench.errors import UserError
from bench.samples import Rule
from bench.scoring.choice import read_letter

DESCRIBE = "Describe the picture."
"""The question for rows that have a caption."""

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
    where, cells = raw.where, unfold(raw.cells, raw.where)
    name = check_text(cells.get("id"), f"{where}: id", most=128)
    split = check_text(cells.get("split"), f"{where}: split")
    split = find_split(split) or _check_choice(split, SPLITS, f"{where}: split")
    if split and raw.split:
        raise UserError(f"{where}: split: {split!r} in the {raw.split} split; allowed: none if its folder is a split")
    texts = {key: check_text(cells.get(key), f"{where}: {key}") for key in ("question", "answer", "caption")}
    texts["question"] = strip_marker(texts["question"])
    lists = {key: check_list(cells.get(key), f"{where}: {key}") for key in ("answers", "choices")}
    for key, text in [*texts.items(), *((key, text) for key, part in lists.items() for text in part)]:
        check_plain(text, f"{where}: {key}")
    for key in ("answer", "caption"):
        if is_list_text(texts[key]):
            raise UserError(f"{where}: {key}: {texts[key][:80]!r} is a list; allowed: one text, and a list in answers")
    rule = _check_choice(check_text(cells.get("rule"), f"{where}: rule"), get_args(Rule), f"{where}: rule")
    answers, choices = lists["answers"], lists["choices"]
    if texts["caption"]:
        if texts["question"] or texts["answer"] or choices or rule not in ("", "caption"):
            raise UserError(f"{where}: caption: together with a question; allowed: question and answer, or a caption")
        answers = _add_answer(texts["caption"], answers, "caption", f"{where}: caption")
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
    answers = _add_answer(answer, answers, rule, f"{where}: answer")
    return CheckedTexts(name, split or raw.split, question, answer, answers, choices, cast(Rule, rule or "exact"))


def _add_answer(answer: str, answers: tuple[str, ...], rule: str, where: str) -> tuple[str, ...]:
    """Return the accepted answers, the learned one among them.

    Raises UserError for rule vqa, where each of the answers is the vote of a person.
    """
    if not answers or answer.casefold() in {text.casefold() for text in answers}:
        return answers
    if rule == "vqa":
        raise UserError(
            f"{where}: {answer[:80]!r} is not among the answers; allowed: one of them where the rule is vqa"
        )
    return (answer, *answers)


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


def read_picture(raw: RawRow, dataset: RawDataset, most: int = MAX_PICTURE) -> bytes:
    """Return the file of a row's picture, undecoded; `most`: bytes.

    Raises UserError unless it is one file inside the data set.
    """
    where = f"{raw.where}: picture"
    cell = only_picture(raw)
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if not isinstance(cell, bytes):
        name = check_text(cell, where)
        where = f"{where} {name[:80]!r}"
        cell = read_limited(inside(dataset.base(raw.split) / name, dataset.root, where), most, where)
    if not 0 < len(cell) <= most:
        raise UserError(f"{where}: {len(cell)} bytes; allowed: 1 to {most}")
    return cell


def only_picture(raw: RawRow) -> Any:
    """Return the cell of the one picture of a row; a list of one picture counts as that picture."""
    pictures: list[Any] = []
    for key in ("file_name", "image", "images"):
        cell = raw.cells.get(key)
        if isinstance(cell, str) and is_list_text(cell):
            cell = list(check_list(cell, f"{raw.where}: {key}"))
        pictures += [one for one in (cell if isinstance(cell, list) else [cell]) if one not in (None, "")]
    if len(pictures) != 1:
        fault = f"{len(pictures)} pictures" if pictures else "no picture"
        raise UserError(f"{raw.where}: {fault}; allowed: file_name or image, with a path or the bytes of one picture")
    return pictures[0]


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
