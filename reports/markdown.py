"""Tables and estimates in Markdown."""

from collections.abc import Iterable


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table with a title for each column.

    >>> print(table(["defense", "seed"], [["`em`", "0"]]))
    | defense | seed |
    | --- | --- |
    | `em` | 0 |
    """
    head = list(titles)
    lines = [head, ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def interval(estimate: Iterable[float], digits: int = 2) -> str:
    """Return an estimate (value, low, high) with the limits of its interval.

    >>> interval([0.63, 0.57, 0.69])
    '+0.63 [+0.57, +0.69]'
    """
    value, low, high = estimate
    return f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
