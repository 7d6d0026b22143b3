"""Pareto fronts: the entries than which no other is better in two measures at once."""

import pandas as pd


def mark_front(table: pd.DataFrame, cost: str, *, is_benefit: bool, value: str = "so_far") -> pd.Series:
    """Return True for each row that no other row beats: one that is no worse in both columns and better in one.

    value: a column of which more is better. cost: one of which less is better, or more where it `is_benefit`. Rows that
    lack one of the two are never on the front.

    >>> table = pd.DataFrame({"so_far": [0.5, 0.4, 0.3], "seconds": [9, 5, 7]})
    >>> mark_front(table, "seconds", is_benefit=False).tolist()
    [True, True, False]
    """
    points = table[[value, cost]].astype(float).assign(**{cost: table[cost] * (1 if is_benefit else -1)})
    known = points.dropna()
    on_front = {
        index: not ((known >= point).all(axis=1) & (known > point).any(axis=1)).any()
        for index, point in known.iterrows()
    }
    return pd.Series([on_front.get(index, False) for index in table.index], table.index, dtype=bool)
