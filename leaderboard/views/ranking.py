"""The page "Ranking": defenses by their protection against adaptive trainers in one game."""

from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from bench.scoring.protection import ELIGIBLE_GAIN, LISTED_SEEDS, SEEDS, VERIFIED_SEEDS
from bench.tables import flags
from bench.tables.attack_labels import CLASSES, find_classes
from bench.tables.method_tables import LEVELS
from bench.tables.ranks import ALPHA, sort_board
from bench.tables.threats import FREE, join_threats, select_siblings
from leaderboard import downloads, games, widgets
from leaderboard.addresses import tell_unknown_value

ROW, AXIS = 42, 90  # heights in the chart, in pixels (a docstring here would be shown on the page)
SHORTEST = 0.02  # the least that the axis spans above 0
MOST = 40  # rows of the table that are shown without scrolling

TRAINERS = {"adaptive": LEVELS["adaptive"], **LEVELS}
ORDERS = {
    **{level: f"protection, the trainer {title}" for level, title in TRAINERS.items()},
    "stealth_psnr": "stealth (PSNR)",
    "stealth_ssim": "stealth (SSIM)",
    "seconds_protect": "crafting cost",
}

ANY = "do anything"
CHOSEN = ["adaptive", "interval", "plain", "queries", "clean", "attack", "so_far", "met_of", "status", "checked"]
CHOSEN += ["seeds", "flags", "link", "page"]
FIXED = ["rank", "defense_label"]  # columns that are always there (a docstring here would be shown on the page)

COLUMNS = {
    "rank": ("#", st.column_config.TextColumn(pinned=True, width="small")),
    "defense_label": ("Defense", st.column_config.TextColumn(pinned=True)),
    "adaptive": ("Adaptive", widgets.SCORE),
    "interval": ("95 % interval", None),
    "plain": ("Plain", widgets.SCORE),
    "queries": ("With queries", widgets.SCORE),
    "clean": ("With clean samples", widgets.SCORE),
    "white": ("White box", widgets.SCORE),
    "gray": ("Gray box", widgets.SCORE),
    "black": ("Black box", widgets.SCORE),
    "attack": ("Best attack", None),
    "status": ("Status", None),
    "checked": ("Played by", None),
    "title": ("Submission", None),
    "authors": ("By", None),
    "met_of": ("Attacks met", None),
    "so_far": ("Against those", widgets.SCORE),
    "seeds": ("Seeds", None),
    "flags": ("Flags", None),
    "stealth_psnr": ("PSNR (dB)", st.column_config.NumberColumn(format="%.1f")),
    "stealth_ssim": ("SSIM", st.column_config.NumberColumn(format="%.3f")),
    "stealth_linf": ("L∞", st.column_config.NumberColumn(format="%d")),
    "stealth_words": ("Words", st.column_config.NumberColumn(format="%d")),
    "seconds_protect": ("Protect (s)", st.column_config.NumberColumn(format="%.0f")),
    "link": ("Run", widgets.OPEN),
    "page": ("Page", widgets.OPEN),
}


def show(frame: pd.DataFrame, runs: pd.DataFrame, *, is_kept: bool) -> None:
    """Show the page for the runs of one game; `runs` are those of all games, `is_kept` for `games.get_standing`."""
    board, _, doubts = games.get_standing(frame, runs, is_kept=is_kept)
    if board.empty:
        st.info("No defense with comparable runs in this game yet.")
    else:
        others = {
            threat: games.get_standing(sibling, runs, is_kept=is_kept).board
            for threat, sibling in select_siblings(frame, games.find_siblings(frame, runs, FREE)).items()
        }
        board = join_threats(board, others)
        pairs = zip(board["defense_label"], board["attack_label"], strict=True)
        board["flags"] = [flags.summarize_defense(doubts, *pair) for pair in pairs]
        trainer, shown = select(board)
        if shown.empty:
            st.info("No defense of this game fits the search.")
        else:
            drawn = shown.assign(**describe_level(shown, trainer))
            drawn = drawn[drawn["value"].notna()].drop(columns="evaluations")
            chart = specify_intervals(drawn, TRAINERS[trainer])
            st.vega_lite_chart(spec=chart, alt="Protection by each defense, with intervals; the table has its numbers")
            st.caption(
                "Gray: no rank, as it has not met the whole adaptive set with enough seeds, or is a control. Dashed: "
                "what a release without a defense is worth."
            )
            show_table(shown)
            draw = partial(draw_intervals, drawn, TRAINERS[trainer])
            downloads.offer(shown.drop(columns="evaluations"), "ranking", frame, draw)
        widgets.show_flags(doubts)
    explain()
    stale = frame[frame["reason"] != ""]
    if not stale.empty:
        with st.expander(f"Not comparable: {len(stale)} runs"):
            columns = ["reason", "defense_label", "attack_label", "seed", "protocol", "evaluator", "protection", "id"]
            st.dataframe(stale[columns][:1000].style.set_properties(color="#8a8a8a"), hide_index=True)


def select(board: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the level of the figure, and the rows that the reader searches, in the order that they choose."""
    left, middle, class_place, right = st.columns([3, 3, 2, 2])
    trainer = widgets.choose_title(left, "Figure: a trainer who", TRAINERS, "with")
    order = widgets.choose_title(middle, "Sort by", ORDERS, "by")
    broken_by = widgets.choose_title(class_place, "Broken by attacks that", {"": ANY, **CLASSES}, "broken")
    find = right.text_input("Search", key="find", bind="query-params", placeholder="part of a name").strip().lower()
    rows = zip(board["defense_label"], board["attack"], board["status"], strict=True)
    is_asked = [
        find in f"{name} {attack} {status}".lower() and (not broken_by or broken_by in find_classes(attack))
        for name, attack, status in rows
    ]
    return trainer, sort_board(board[is_asked], order)


def describe_level(board: pd.DataFrame, level: str) -> dict[str, pd.Series]:
    """Return value, low and high of a level; of the adaptive one, against the attacks that were met."""
    name = "so_far" if level == "adaptive" else level
    return {"value": board[name], "low": board[f"{name}_low"], "high": board[f"{name}_high"]}


@st.cache_data(max_entries=64, show_spinner=False)
def specify_intervals(board: pd.DataFrame, trainer: str) -> dict[str, Any]:
    """Return the figure as Vega-Lite, made once for all visitors: that takes longer than the rest of the page."""
    return draw_intervals(board, trainer).to_dict()


def draw_intervals(board: pd.DataFrame, trainer: str) -> alt.LayerChart | alt.FacetChart:
    """Draw intervals in the order of the table, those without a rank in gray, and a line at 0, no defense."""
    title = ["protection from a trainer who", trainer]
    span = [min(0, board["low"].min()), max(SHORTEST, board["high"].max())]
    axis = alt.Axis(format="~g", tickCount=6)
    x = alt.X("low:Q", title=title, axis=axis, scale=alt.Scale(domain=span, nice=True))
    names = alt.Axis(labelLimit=170, labelOverlap=False, labelFontSize=13, labelFlush=False)
    y = alt.Y("defense_label:N", sort=board["defense_label"].tolist(), title=None, axis=names)
    tips = [alt.Tooltip(f"{name}:{kind}", title=title, format=form) for name, kind, title, form in (
        ("defense_label", "N", "defense", ""), ("attack", "N", "best adaptive attack", ""),
        ("value", "Q", "protection", ".3f"), ("low", "Q", "low", ".3f"), ("high", "Q", "high", ".3f"),
        ("seeds", "Q", "seeds", "d"), ("status", "N", "status", ""), ("checked", "N", "played by", ""),
    )]  # fmt: skip
    color = alt.condition("datum.rank != ''", alt.value("#1f8a84"), alt.value("#8a8a8a"))
    base = alt.Chart(board).encode(y=y, tooltip=tips, color=color)
    bar = base.mark_bar(height=10, cornerRadius=5, opacity=0.35).encode(x=x, x2="high:Q")
    point = base.mark_point(filled=True, size=150, opacity=1).encode(x="value:Q")
    text = base.mark_text(dy=-14, fontSize=12).encode(x="value:Q", text=alt.Text("value:Q", format=".2f"))
    none = alt.Chart(pd.DataFrame({"value": [0.0]})).encode(x="value:Q")
    line = none.mark_rule(strokeDash=[5, 4], color="#d55e00")
    name = none.mark_text(align="left", dx=5, y=-8, color="#d55e00", text="no defense")
    return alt.layer(bar, point, text, line, name).properties(height=ROW * len(board) + AXIS)


def show_table(board: pd.DataFrame) -> None:
    """Show the ranking in numbers."""
    pairs = zip(board["adaptive_low"], board["adaptive_high"], strict=True)
    shown = board.assign(
        interval=["" if pd.isna(low) else f"{low:.2f} to {high:.2f}" for low, high in pairs],
        met_of=[f"{met} of {of}" for met, of in zip(board["met"], board["of"], strict=True)],
        link=widgets.link_runs(board["run"]),
        page=widgets.link_methods("defense", board["defense"]),
    )
    names = {title: name for name, (title, _) in COLUMNS.items() if name not in FIXED}
    first = [COLUMNS[name][0] for name in CHOSEN]
    first += [COLUMNS[name][0] for name in ("title", "authors") if (shown[name] != "").any()]
    tell_unknown_value("columns", names, several=True)
    with st.popover("Columns", icon=":material/view_column:"):
        chosen = st.multiselect("Columns of the table", list(names), first, key="columns", bind="query-params")
    columns = {name: look for name, look in COLUMNS.items() if name in FIXED or look[0] in chosen}
    height = "content" if len(shown) <= MOST else "auto"
    widgets.show_table(shown, columns, height=height, placeholder="–", alt="The ranking in numbers")


def explain() -> None:
    """Explain how to read the numbers."""
    with st.expander("How to read these numbers", icon=":material/help:"):
        st.markdown(
            "- **Protection**: 1 − (U − B) / (Uc − B), on the test split. U: what a trainer reaches with the release, "
            "Uc: with clean data, both with the attack of the set that is best on the trainer's own validation "
            "questions. B: what they reach without the content of the release.\n"
            "- **Adaptive**: against all attacks of trainers who may know the method; the rank is by this. **Plain**: "
            "against a trainer who runs default LoRA. **With queries**, **with clean samples**: against trainers who "
            "can have their own pictures protected, or hold some clean ones of the owner.\n"
            "- **White**, **gray**, **black box**: adaptive protection where the owner knows the victim, a relative of "
            "it, or neither; otherwise the same game.\n"
            "- **–**: an attack of that level was not played, or clean data are worth less than "
            f"{100 * ELIGIBLE_GAIN:.0f} points. **Against those**: against the adaptive attacks that were met.\n"
            "- **95 % interval**: by bootstrap over pictures and seeds, of both sides.\n"
            "- **#**: defenses that share a rank do not differ from the first of them in a paired test of their "
            f"answers (p above {ALPHA}).\n"
            f"- **Status**: listed from {LISTED_SEEDS} of the seeds {SEEDS[0]} to {SEEDS[-1]} on, verified from "
            f"{VERIFIED_SEEDS}, and only after the whole adaptive set; a control shows what a release does without a "
            "method, and has no rank.\n"
            "- **Flags**: reasons to doubt the numbers of a row, explained in sentences under the table.\n"
            "- **PSNR**, **SSIM**: means. **L∞** and inserted **words**: maxima."
        )


st.title("Protection against trainers who adapt")
st.markdown("If this image-text data is published, **can someone still fine-tune a vision-language model on it?**")
all_runs = widgets.load_runs()
dated_runs = widgets.choose_dates(all_runs)
show(widgets.choose_game(dated_runs), dated_runs, is_kept=dated_runs is all_runs)
