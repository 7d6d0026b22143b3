"""The page "Ranking": defenses by their protection against adaptive trainers in one game."""

from urllib.parse import quote

import altair as alt
import pandas as pd
import streamlit as st

from bench.scoring.protection import ELIGIBLE_GAIN, LISTED_SEEDS, SEEDS, VERIFIED_SEEDS
from bench.tables import flags
from bench.tables.ranks import ALPHA, compute_leaderboard
from leaderboard import widgets

ROW, AXIS = 42, 90  # heights in the chart, in pixels (a docstring here would be shown on the page)

COLUMNS = {
    "rank": ("#", st.column_config.TextColumn(pinned=True, width="small")),
    "defense_label": ("Defense", st.column_config.TextColumn(pinned=True)),
    "status": ("Status", None),
    "adaptive": ("Adaptive", widgets.SCORE),
    "interval": ("95 % interval", None),
    "plain": ("Plain", widgets.SCORE),
    "queries": ("With queries", widgets.SCORE),
    "clean": ("With clean samples", widgets.SCORE),
    "attack": ("Best attack", None),
    "met_of": ("Attacks met", None),
    "so_far": ("Against those", widgets.SCORE),
    "seeds": ("Seeds", None),
    "flags": ("Flags", None),
    "stealth_psnr": ("PSNR (dB)", st.column_config.NumberColumn(format="%.1f")),
    "stealth_ssim": ("SSIM", st.column_config.NumberColumn(format="%.3f")),
    "stealth_linf": ("L∞", st.column_config.NumberColumn(format="%d")),
    "stealth_words": ("Words", st.column_config.NumberColumn(format="%d")),
    "seconds_protect": ("Protect (s)", st.column_config.NumberColumn(format="%.0f")),
    "link": ("Run", st.column_config.LinkColumn(display_text="open")),
}


def show(frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page for the runs of one game; `runs` are those of all games."""
    board = compute_leaderboard(frame)
    doubts = flags.flag_game(frame, runs)
    if board.empty:
        st.info("No defense with comparable runs in this game yet.")
    else:
        pairs = zip(board["defense_label"], board["attack_label"], strict=True)
        board["flags"] = [flags.summarize_defense(doubts, *pair) for pair in pairs]
        chart = draw_intervals(board[board["so_far"].notna()])
        st.altair_chart(chart, alt="Protection of each defense against adaptive trainers, with its interval")
        show_table(board)
        widgets.show_flags(doubts)
    explain()
    stale = frame[frame["reason"] != ""]
    if not stale.empty:
        with st.expander(f"Not comparable: {len(stale)} runs"):
            columns = ["reason", "defense_label", "attack_label", "seed", "protocol", "evaluator", "protection", "id"]
            st.dataframe(stale[columns].style.set_properties(color="#8a8a8a"), hide_index=True)


def draw_intervals(board: pd.DataFrame) -> alt.LayerChart | alt.FacetChart:
    """Draw intervals in the order of the table, those without a rank in gray, and a line at 0, no defense."""
    title = "protection against adaptive trainers (1: the release is worth nothing to them, 0: as much as clean data)"
    span = [min(0, board["so_far_low"].min()), max(0.1, board["so_far_high"].max())]
    x = alt.X("so_far_low:Q", title=title, scale=alt.Scale(domain=span, nice=True))
    names = alt.Axis(labelLimit=320, labelOverlap=False, labelFontSize=13)
    y = alt.Y("defense_label:N", sort=board["defense_label"].tolist(), title=None, axis=names)
    tips = [alt.Tooltip(f"{name}:{kind}", title=title, format=form) for name, kind, title, form in (
        ("defense_label", "N", "defense", ""), ("attack", "N", "best attack", ""),
        ("so_far", "Q", "protection", ".3f"), ("so_far_low", "Q", "low", ".3f"), ("so_far_high", "Q", "high", ".3f"),
        ("seeds", "Q", "seeds", "d"), ("status", "N", "status", ""),
    )]  # fmt: skip
    color = alt.condition("datum.rank != ''", alt.value("#1f6f6b"), alt.value("#8a8a8a"))
    base = alt.Chart(board.drop(columns="evaluations")).encode(y=y, tooltip=tips, color=color)
    bar = base.mark_bar(height=10, cornerRadius=5, opacity=0.28).encode(x=x, x2="so_far_high:Q")
    point = base.mark_point(filled=True, size=150, opacity=1).encode(x="so_far:Q")
    text = base.mark_text(dy=-14, fontSize=12).encode(x="so_far:Q", text=alt.Text("so_far:Q", format=".2f"))
    none = alt.Chart(pd.DataFrame({"so_far": [0.0]})).encode(x="so_far:Q")
    line = none.mark_rule(strokeDash=[5, 4], color="#b3542b")
    name = none.mark_text(align="left", dx=5, y=-8, color="#b3542b", text="no defense")
    return alt.layer(bar, point, text, line, name).properties(height=ROW * len(board) + AXIS)


def show_table(board: pd.DataFrame) -> None:
    """Show the ranking in numbers."""
    pairs = zip(board["adaptive_low"], board["adaptive_high"], strict=True)
    shown = board.assign(
        interval=["" if pd.isna(low) else f"{low:.2f} to {high:.2f}" for low, high in pairs],
        met_of=[f"{met} of {of}" for met, of in zip(board["met"], board["of"], strict=True)],
        link=["run?run=" + quote(run, safe="") if run else "" for run in board["run"]],
    )[list(COLUMNS)]
    titles = {name: title for name, (title, _) in COLUMNS.items()}
    looks = {title: look for title, look in COLUMNS.values() if look is not None}
    st.dataframe(shown.rename(columns=titles), hide_index=True, column_config=looks)


def explain() -> None:
    """Explain how to read the numbers."""
    st.caption(
        "**Protection**: 1 − (U − B) / (Uc − B), on the test split. U: what a trainer reaches with the release, Uc: "
        "with clean data, both with the attack of the set that is best on the trainer's own validation questions. B: "
        "what they reach without the content of the release. **Adaptive**: against all attacks of trainers who may "
        "know the method; the rank is by this. **Plain**: against a trainer who suspects nothing. **With queries**, "
        "**with clean samples**: against trainers who can have their own pictures protected, or hold some clean ones "
        "of the owner. "
        "An empty cell: an attack of that level was not played, or clean data are worth less than "
        f"{100 * ELIGIBLE_GAIN:.0f} points. **Against those**: against the adaptive attacks that were met. "
        "**Interval**: 95 % by bootstrap over pictures and seeds, of both sides. "
        f"**Status**: ranked from {LISTED_SEEDS} of the seeds {SEEDS[0]} to {SEEDS[-1]} on, verified from "
        f"{VERIFIED_SEEDS}, and only after the whole adaptive set; a control shows what a release does without a "
        "method, and has no rank. **Flags**: reasons to doubt the numbers of a row, explained in sentences under the "
        "table. **#**: defenses that share a rank do not differ from the first of them in a paired test of their "
        f"answers (p above {ALPHA}). PSNR and SSIM are means; L∞ and inserted words are maxima."
    )


st.title("Protection against trainers who adapt")
st.markdown("If this image-text data is published, **can someone still fine-tune a vision-language model on it?**")
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
