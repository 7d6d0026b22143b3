"""Charts that more than one page or report draws."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from bench.tables.knowledge import TITLES

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Eight colours that the colour-blind tell apart (Okabe and Ito, 2008); black and gray last."""


def draw_knowledge(points: pd.DataFrame, defenses: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    """Draw protection by what the trainer knows, with intervals; `points` are of `tabulate_points`, a colour a defense.

    Defenses that are not in `defenses` are left out.
    """
    order = [title for title in TITLES.values() if title in set(points["trainer"])]
    shown = [name for name in defenses if name in set(points["defense"])]
    tips = [
        alt.Tooltip("defense:N"), alt.Tooltip("trainer:N"), alt.Tooltip("value:Q", format=".2f", title="protection"),
        alt.Tooltip("low:Q", format=".2f"), alt.Tooltip("high:Q", format=".2f"),
    ]  # fmt: skip
    base = alt.Chart(points[points["defense"].isin(shown)]).encode(
        x=alt.X("trainer:N", sort=order, title="the trainer …", axis=alt.Axis(labelAngle=0, labelLimit=160)),
        xOffset=alt.XOffset("defense:N", sort=shown),
        color=alt.Color("defense:N", sort=shown, scale=alt.Scale(range=PALETTE[: len(shown)]), title=None),
        tooltip=tips,
    )
    title = ["protection", "(1: worth nothing to them, 0: as much as clean data)"]
    intervals = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    values = base.mark_point(filled=True, size=70, opacity=1).encode(y="value:Q")
    zero = alt.Chart(pd.DataFrame({"value": [0.0]})).mark_rule(strokeDash=[4, 4], color="#8a8a8a").encode(y="value:Q")
    return alt.layer(zero, intervals, values)
