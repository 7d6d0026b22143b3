"""Charts that more than one page or report draws."""

from collections.abc import Sequence
from textwrap import wrap

import altair as alt
import numpy as np
import pandas as pd

from bench.tables.knowledge import TITLES

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Colours that the colour-blind tell apart (Okabe and Ito, 2008), on white and on black; gray last."""

WRAP = 10
"""Letters of a line under a chart: six columns of such lines fit a telephone."""

LINES = "split(datum.label, '\\n')"
"""The expression that breaks a label of an axis into its lines."""

GAP = 0.05
"""Least distance of two names in a chart, as a share of its height."""

NAMES = alt.Axis(labelAngle=0, labelExpr=LINES, labelOverlap=False, labelFontSize=11)
"""An axis of names that are broken into lines."""

LEGEND = alt.Legend(orient="top", title=None, columns=2, labelLimit=150)
"""A legend above a chart, which fits a telephone."""


def measure_legend(count: int) -> int:
    """Return the height in pixels of `LEGEND` with this many entries."""
    return 22 * ((count + 1) // 2)


def draw_knowledge(points: pd.DataFrame, defenses: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    """Draw protection by what the trainer knows, with intervals; `points` are of `tabulate_points`, a colour a defense.

    Defenses that are not in `defenses` are left out.
    """
    points = points.assign(column=["\n".join(wrap(title, WRAP)) for title in points["trainer"]])
    order = ["\n".join(wrap(title, WRAP)) for title in TITLES.values() if title in set(points["trainer"])]
    shown = [name for name in defenses if name in set(points["defense"])]
    tips = [
        alt.Tooltip("defense:N"), alt.Tooltip("trainer:N"), alt.Tooltip("value:Q", format=".2f", title="protection"),
        alt.Tooltip("low:Q", format=".2f"), alt.Tooltip("high:Q", format=".2f"),
    ]  # fmt: skip
    base = alt.Chart(points[points["defense"].isin(shown)]).encode(
        x=alt.X("column:N", sort=order, title="the trainer …", axis=NAMES),
        xOffset=alt.XOffset("defense:N", sort=shown),
        color=alt.Color("defense:N", sort=shown, scale=alt.Scale(range=PALETTE[: len(shown)]), legend=LEGEND),
        tooltip=tips,
    )
    title = ["protection", "(1: worth nothing to them, 0: as much as clean data)"]
    intervals = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    values = base.mark_point(filled=True, size=70, opacity=1).encode(y="value:Q")
    zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(strokeDash=[4, 4], color="#8a8a8a").encode(y="value:Q")
    return alt.layer(zero, intervals, values)


def draw_stairs(steps: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw one stair for each defense of `tabulate_ladders`, named at its start; the release without one is dashed.

    The stair under the pointer stands out.
    """
    order = steps["defense"].drop_duplicates().tolist()
    over = alt.selection_point(fields=["defense"], on="pointerover", clear="pointerout", empty=True)
    base = alt.Chart(steps).encode(
        x=alt.X(
            "total:Q", title=["cost of all attacks so far,", "in trainings with lora_sft"],
            scale=alt.Scale(type="log", nice=False, padding=10), axis=alt.Axis(format="~s", tickCount=6),
        ),
        y=alt.Y("gain:Q", title=["gain of the best", "so far, on test"], axis=alt.Axis(format="%", tickCount=6)),
        color=alt.Color("defense:N", scale=alt.Scale(domain=order, range=PALETTE[: len(order)]), legend=None),
        opacity=alt.condition(over, alt.value(1), alt.value(0.15)),
        tooltip=[
            alt.Tooltip("defense:N"), alt.Tooltip("attack:N", title="next attack"),
            alt.Tooltip("total:Q", title="cost so far", format=".1f"), alt.Tooltip("best:N", title="best so far"),
            alt.Tooltip("gain:Q", format=".1%"), alt.Tooltip("protection:Q", format=".3f"),
        ],
    )  # fmt: skip
    dash = alt.condition("datum.defense == 'none'", alt.value([5, 4]), alt.value([1, 0]))
    line = base.mark_line(interpolate="step-after").encode(strokeDash=dash)
    point = base.mark_point(filled=True, size=60).add_params(over)
    starts = steps.drop_duplicates("defense")
    starts = starts.assign(place=spread(starts["gain"].tolist(), GAP * max(0.01, float(np.ptp(steps["gain"])))))
    names = alt.Chart(starts).encode(
        x="total:Q", y="place:Q", color="defense:N", text="defense:N",
        opacity=alt.condition(over, alt.value(1), alt.value(0.3)),
    )  # fmt: skip
    text = names.mark_text(align="left", dx=9, dy=-9, fontSize=12, limit=150)
    return alt.layer(line, point, text).properties(height=460)


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Return places for names beside points: near their values, each at least `gap` from the next.

    >>> spread([0.5, 0.5, 0.0], 0.25)
    [0.375, 0.625, 0.0]
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    groups: list[list[int]] = []
    middles: list[float] = []
    for index in order:
        groups.append([index])
        middles.append(values[index])
        while len(groups) > 1 and middles[-1] - middles[-2] < gap * (len(groups[-1]) + len(groups[-2])) / 2:
            last = groups.pop()
            middles.pop()
            groups[-1] += last
            middles[-1] = sum(values[member] for member in groups[-1]) / len(groups[-1])
    places = [0.0] * len(values)
    for group, middle in zip(groups, middles, strict=True):
        for number, index in enumerate(group):
            places[index] = middle + gap * (number - (len(group) - 1) / 2)
    return places


def draw_curves(points: pd.DataFrame, title: str) -> alt.LayerChart | alt.FacetChart:
    """Draw protection with its interval along the column `at`, a colour for each of the column `series`."""
    base = alt.Chart(points[["at", "series", "value", "low", "high"]]).encode(
        x=alt.X("at:Q", title=title, axis=alt.Axis(tickCount=6), scale=alt.Scale(zero=False, padding=12)),
        color=alt.Color("series:N", scale=alt.Scale(range=PALETTE), legend=LEGEND),
        tooltip=["series:N", alt.Tooltip("at:Q", title=title), *(
            alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high"))],
    )  # fmt: skip
    line = base.mark_line(point={"filled": True, "size": 60}).encode(y=alt.Y("value:Q", title="protection"))
    interval = base.mark_rule(strokeWidth=2, opacity=0.5).encode(y="low:Q", y2="high:Q")
    zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(strokeDash=[4, 4], color="#8a8a8a").encode(y="value:Q")
    return alt.layer(zero, interval, line).properties(height=280 + measure_legend(points["series"].nunique()))
