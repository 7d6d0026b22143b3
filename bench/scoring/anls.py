"""Rule `anls`: average normalised Levenshtein similarity (Biten et al. 2019, "Scene Text VQA")."""

from collections.abc import Sequence

THRESHOLD = 0.5
"""Tau: an answer that differs in half of its characters or more counts as another answer, not as a misread one."""


def anls(answer: str, targets: Sequence[str]) -> float:
    """Return the score of one answer in [0,1]: the maximum over the accepted answers of 1 - NL if NL < 0.5, else 0.

    NL is the Levenshtein distance divided by the longer length, in lower case and with single spaces.

    >>> anls("Hotel", ["hotel", "inn"]), anls("hotol", ["hotel"]), anls("bus", ["hotel"])
    (1.0, 0.8, 0.0)
    """
    return max(_similarity(_normalise(answer), _normalise(target)) for target in targets)


def _normalise(text: str) -> str:
    return " ".join(text.lower().split())


def _similarity(a: str, b: str) -> float:
    if a == b:
        return 1.0
    distance = levenshtein(a, b) / max(len(a), len(b))
    return 1 - distance if distance < THRESHOLD else 0.0


def levenshtein(a: str, b: str) -> int:
    """Return the smallest number of character insertions, deletions and substitutions that turn `a` into `b`.

    >>> levenshtein("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            substitution = diagonal + (0 if x == y else 1)
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, substitution)
    return row[-1]
