"""Conversations of LLaVA and ShareGPT as a question and its answer: one turn of a person, and one of the model."""

from typing import Any

from bench.errors import UserError

ASKS = ("human", "user")
ANSWERS = ("gpt", "assistant", "model")
KEYS = {"conversations": ("from", "value"), "messages": ("role", "content")}

IMAGE = "<image>"
"""The place of the picture before or after a question. Each model has its own, which it adds itself."""


def unfold(cells: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the cells with question and answer instead of a conversation.

    Raises UserError for more turns, for other speakers, and for a conversation beside a question.
    """
    named = [key for key in KEYS if cells.get(key) not in (None, "")]
    rest = {key: cell for key, cell in cells.items() if key not in KEYS}
    if not named:
        return rest
    where = f"{where}: {named[0]}"
    if len(named) > 1 or any(cells.get(key) for key in ("question", "answer", "caption")):
        raise UserError(f"{where}: together with a question; allowed: question and answer, or one conversation")
    turns = [_turn(turn, where) for turn in _list(cells[named[0]], where)]
    if [speaker for speaker, _ in turns] != ["question", "answer"]:
        raise UserError(
            f"{where}: {len(turns)} turns; allowed: one of {'/'.join(ASKS)} and then one of {'/'.join(ANSWERS)}; make "
            "a row of each question and its answer"
        )
    return {**rest, **dict(turns)}


def strip_marker(question: str) -> str:
    r"""Return a question without the one marker of the picture before or after it.

    >>> strip_marker("<image>\nWhat is this?")
    'What is this?'
    """
    question = question.strip()
    shorter = question.removeprefix(IMAGE)
    return (shorter if shorter != question else question.removesuffix(IMAGE)).strip()


def _list(turns: object, where: str) -> list[Any]:
    if not isinstance(turns, list):
        raise UserError(f"{where}: {type(turns).__name__}; allowed: a list of two turns")
    return turns


def _turn(turn: object, where: str) -> tuple[str, Any]:
    """Return whether a turn is a question or an answer, or its speaker's name, and its text."""
    for speaker, text in KEYS.values():
        if isinstance(turn, dict) and isinstance(turn.get(speaker), str):
            name = turn[speaker].casefold()
            return "question" if name in ASKS else "answer" if name in ANSWERS else name, turn.get(text)
    raise UserError(f"{where}: a turn without speaker; allowed: from and value, or role and content")
