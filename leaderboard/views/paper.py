"""The page "Published": numbers of the paper, which nobody re-ran here, and what its test sets could have shown."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables import paper
from bench.tables.runs import tabulate_runs
from leaderboard import downloads

POINTS = st.column_config.NumberColumn(format="%.1f")
TITLES = {
    "dataset": "Data set",
    "model": "Model",
    "method": "Method",
    "zero": "Zero-shot",
    "clean": "Clean",
    "accuracy": "Protected",
    "drop": "Drop",
    "protection": "Protection",
    "unpaired": "Detectable, unpaired",
    "at_best": "Detectable, at best",
    "items": "Test items (inferred)",
}
IN_POINTS = ["zero", "clean", "accuracy", "drop", "unpaired", "at_best"]


@st.cache_data
def load() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the accuracies of the paper, and the means of its methods."""
    accuracies = paper.load_accuracies()
    return accuracies, paper.average_methods(accuracies)


def show_methods(table: pd.DataFrame) -> None:
    """Show means over data sets and models."""
    drop, share = 100 * table["drop"], table["protection"]
    counts = {
        title: [f"{count} of {cells}" for count, cells in zip(table[name], table["cells"], strict=True)]
        for name, title in (
            ("below_zero_shot", "Below zero-shot"),
            ("over_unpaired", "Drop over detectable, unpaired"),
            ("over_at_best", "Drop over detectable, at best"),
        )
    }
    shown = pd.DataFrame({"Method": table["method"], "Mean drop": drop, "Share of gain removed": share, **counts})
    looks = {"Mean drop": POINTS, "Share of gain removed": st.column_config.NumberColumn(format="%.2f")}
    st.dataframe(shown, hide_index=True, column_config=looks)


def show_accuracies(table: pd.DataFrame, chart: alt.LayerChart | alt.FacetChart) -> None:
    """Show every printed accuracy with what is derived from it; `chart` is given away with it."""
    shown = table.assign(
        protection=table["protection"].where(table["eligible"]), **{name: 100 * table[name] for name in IN_POINTS}
    )[list(TITLES)].rename(columns=TITLES)
    looks = {TITLES[name]: POINTS for name in IN_POINTS} | {"Protection": st.column_config.NumberColumn(format="%.2f")}
    st.dataframe(shown, hide_index=True, column_config=looks, placeholder="–")
    downloads.offer(shown, "published", tabulate_runs([]), lambda: chart)


def draw_drops(table: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw every drop as a share of the smallest detectable one, by data set, and a line at 1."""
    shown = table.assign(share=table["drop_over_unpaired"], **{name: 100 * table[name] for name in IN_POINTS})
    tips = [alt.Tooltip(name) for name in ("model", "method")]
    tips += [alt.Tooltip(name, format=".1f", title=TITLES[name]) for name in ("drop", "unpaired", "at_best")]
    share = alt.X(
        "share:Q",
        title=["drop ÷ smallest detectable drop, unpaired", "(from 1 on, one run would show it)"],
        axis=alt.Axis(tickCount=6),
    )
    base = alt.Chart(shown).encode(y=alt.Y("dataset:N", title=None, sort=None), x=share, tooltip=tips)
    drops = base.mark_point(filled=True, size=45, opacity=0.6, color="#2f9d97")
    line = alt.Chart(pd.DataFrame({"share": [1]})).mark_rule(strokeDash=[5, 4], color="#b3542b").encode(x="share:Q")
    return alt.layer(drops, line).properties(height=300)


st.title("Published, not re-run")
st.markdown(
    f"Accuracies after fine-tuning as **{paper.SOURCE}** prints them. Nobody ran them again here, they play other "
    "games than ours and are **never ranked** with them."
)
accuracies, means = load()
show_methods(means)
drops = draw_drops(accuracies)
st.altair_chart(drops, alt="Published drops and the smallest detectable ones")
show_accuracies(accuracies, drops)
st.caption(
    "Accuracies and drops in points; protection: 1 − (protected − zero-shot) / (clean − zero-shot), left out where the "
    "clean gain is under 10 points. **Detectable**: the smallest drop that one run on a test set of this "
    "size shows 4 times in 5 at 5 % (two-sided): *unpaired*, knowing the two accuracies alone; *at best*, had the "
    "answers been compared one by one and every changed answer changed the same way. The paper gives neither test "
    "sizes nor seeds: the sizes are **inferred** from the decimals, and 239 of 270 printed numbers fit them."
)
