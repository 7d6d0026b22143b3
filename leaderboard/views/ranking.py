"""The page "Ranking": defenses by their worst-case protection in one game."""

from urllib.parse import quote

import altair as alt
import pandas as pd
import streamlit as st

from bench.scoring.protection import LISTED_SEEDS, VERIFIED_SEEDS
from bench.tables import flags
from bench.tables.cells import compute_cells
from bench.tables.ranks import compute_leaderboard, compute_ranking
from bench.tables.runs import UNDEFENDED, select_comparable
from leaderboard import widgets

ROW, AXIS = 42, 90  # heights in the chart, in pixels (a docstring here would be shown on the page)

COLUMNS = {
    "rank": ("#", st.column_config.TextColumn(pinned=True, width="small")),
    "defense_label": ("Defense", st.column_config.TextColumn(pinned=True)),
    "status": ("Status", None),
    "protection": ("Worst-case protection", widgets.SCORE),
    "interval": ("95 % interval", None),
    "attack_label": ("Worst attack", None),
    "met": ("Attacks met", None),
    "seeds": ("Seeds", None),
    "flags": ("Flags", None),
    "utility_zero": ("Zero-shot", widgets.SHARE),
    "utility_clean": ("Clean", widgets.SHARE),
    "utility": ("Protected", widgets.SHARE),
    UNDEFENDED: ("Same attack, clean", widgets.SHARE),
    "stealth_psnr": ("PSNR (dB)", st.column_config.NumberColumn(format="%.1f")),
    "stealth_ssim": ("SSIM", st.column_config.NumberColumn(format="%.3f")),
    "stealth_linf": ("L∞", st.column_config.NumberColumn(format="%d")),
    "stealth_words": ("Words", st.column_config.NumberColumn(format="%d")),
    "seconds_protect": ("Protect (s)", st.column_config.NumberColumn(format="%.0f")),
    "seconds_attack": ("Attack (s)", st.column_config.NumberColumn(format="%.0f")),
    "link": ("Run", st.column_config.LinkColumn(display_text="open")),
}


def show(frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page for the runs of one game; `runs` are those of all games."""
    cells = compute_cells(select_comparable(frame))
    ranking = compute_ranking(cells)
    undefended = ranking[ranking["defense"] == "none"]
    defenses = compute_leaderboard(ranking)
    doubts = flags.flag_game(frame, runs)
    pairs = zip(defenses["defense_label"], defenses["attack_label"], strict=True)
    defenses["flags"] = [flags.summarize_defense(doubts, *pair) for pair in pairs]
    if defenses.empty:
        st.info("No defense with comparable runs in this game yet.")
    else:
        chart = draw_intervals(defenses, undefended)
        st.altair_chart(chart, alt="Worst-case protection of each defense with its interval")
        show_table(defenses, met=cells["attack_label"].nunique())
        widgets.show_flags(doubts)
    explain()
    stale = frame[frame["reason"] != ""]
    if not stale.empty:
        with st.expander(f"Not comparable: {len(stale)} runs"):
            columns = ["reason", "defense_label", "attack_label", "seed", "protocol", "evaluator", "protection", "id"]
            st.dataframe(stale[columns].style.set_properties(color="#8a8a8a"), hide_index=True)


def draw_intervals(defenses: pd.DataFrame, undefended: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw intervals in the order of the table, those without a rank in gray, and a line for no defense."""
    title = "worst-case protection (1: the trainer gained nothing, 0: no protection)"
    ends = [min(0, defenses["low"].min()), max(1, defenses["high"].max())]
    x = alt.X("low:Q", title=title, scale=alt.Scale(domain=ends, nice=True))
    names = alt.Axis(labelLimit=320, labelOverlap=False, labelFontSize=13)
    y = alt.Y("defense_label:N", sort=defenses["defense_label"].tolist(), title=None, axis=names)
    tips = [alt.Tooltip(f"{name}:{kind}", title=title, format=form) for name, kind, title, form in (
        ("defense_label", "N", "defense", ""), ("attack_label", "N", "worst attack", ""),
        ("protection", "Q", "protection", ".3f"), ("low", "Q", "low", ".3f"), ("high", "Q", "high", ".3f"),
        ("seeds", "Q", "seeds", "d"), ("status", "N", "status", ""),
    )]  # fmt: skip
    color = alt.condition("datum.rank != ''", alt.value("#1f6f6b"), alt.value("#8a8a8a"))
    shown = defenses.drop(columns=["stages", "answers"], errors="ignore")
    base = alt.Chart(shown).encode(y=y, tooltip=tips, color=color)
    span = base.mark_bar(height=10, cornerRadius=5, opacity=0.28).encode(x=x, x2="high:Q")
    point = base.mark_point(filled=True, size=150, opacity=1).encode(x="protection:Q")
    value = alt.Text("protection:Q", format=".2f")
    text = base.mark_text(dy=-14, fontSize=12).encode(x="protection:Q", text=value)
    none = alt.Chart(undefended[["protection"]]).encode(x="protection:Q")
    line = none.mark_rule(strokeDash=[5, 4], color="#b3542b")
    name = none.mark_text(align="left", dx=5, y=-8, color="#b3542b", text="no defense")
    return alt.layer(span, point, text, line, name).properties(height=ROW * len(defenses) + AXIS)


def show_table(defenses: pd.DataFrame, met: int) -> None:
    """Show the ranking in numbers. `met`: how many attacks any release has met in this game."""
    shown = defenses.assign(
        interval=[f"{low:.2f} to {high:.2f}" for low, high in zip(defenses["low"], defenses["high"], strict=True)],
        met=[f"{attacks} of {met}" for attacks in defenses["attacks"]],
        link=["run?run=" + quote(run, safe="") for run in defenses["run"]],
    )[list(COLUMNS)]
    titles = {name: title for name, (title, _) in COLUMNS.items()}
    looks = {title: look for title, look in COLUMNS.values() if look is not None}
    st.dataframe(shown.rename(columns=titles), hide_index=True, column_config=looks)
    if (defenses["attacks"] < met).any():
        st.warning("Defenses that met fewer attacks than others may look better than they are.")


def explain() -> None:
    """Explain how to read the numbers."""
    st.caption(
        "**Worst case**: of the attacks that a defense met, the one with the highest mean accuracy on the trainer's "
        "own validation split; its protection is then measured on the test split. **Interval**: 95 % by bootstrap "
        "over pictures, and also over seeds where there are several; where their answers are not on this machine, "
        "from the lowest lower end to the highest upper end of the seeds. "
        f"**Status**: listed from {LISTED_SEEDS} seeds of the worst case on, verified from {VERIFIED_SEEDS}; a control "
        "shows what a release does without a method, and has no rank. **Flags**: reasons to doubt the "
        "numbers of a row, explained in sentences under the table; nothing is hidden or ranked by them. **#**: "
        "defenses that share a rank do not differ significantly from the first of them: paired tests of their answers "
        "to the same questions, 5 % over the whole table (Holm); intervals where the answers are not at hand. "
        "**Protected**: accuracy after the worst attack; **same attack, clean**: after the same attack, with the same "
        "seeds, on undefended data. An attack may gain more than the plain recipe, which protection is "
        "counted from: what a release costs such a trainer is the distance between these two. "
        "Protection, accuracies, PSNR, SSIM and seconds are means over seeds; L∞ and inserted words are maxima."
    )


st.title("Worst-case protection")
st.markdown("If this image-text data is published, **can someone still fine-tune a vision-language model on it?**")
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
