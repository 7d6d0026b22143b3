"""Rule `anls`: average normalised Levenshtein similarity (Biten et al. 2019, "Scene Text VQA")."""

from collections.abc import Sequence

THRESHOLD = 0.5
"""Tau: what differs in half of its characters or more is another answer, not a misread one."""


def anls(answer: str, targets: Sequence[str]) -> float:
    """The score of one answer in [0,1]: the maximum over the accepted answers of 1 - NL where NL < 0.5, else 0.

    NL: Levenshtein distance over the longer one's length, in lower case, spaces stripped and never doubled.
    """
    return max(_similarity(_plain(answer), _plain(target)) for target in targets)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _similarity(a: str, b: str) -> float:
    if a == b:
        return 1.0
    distance = levenshtein(a, b) / max(len(a), len(b))
    return 1 - distance if distance < THRESHOLD else 0.0


def levenshtein(a: str, b: str) -> int:
    """The least number of insertions, deletions and substitutions of a character that makes `b` of `a`."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]
