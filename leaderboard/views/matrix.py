"""The page "Matrix": every defense against the required set, or against all attacks, in one game."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables import flags
from bench.tables.attack_labels import CLASSES, HEADINGS, find_classes, label_attacks
from bench.tables.ranks import order_defenses
from leaderboard import downloads, games, widgets
from leaderboard.addresses import tell_unknown_value

STEP, ROW, NAMES, HEADS = 62, 36, 190, 130  # pixels of a column, a row, and the labels of both (no docstrings here)

METRICS = {
    "protection": "protection",
    "validation": "accuracy on the trainer's validation questions",
    "utility": "accuracy on the test questions",
    "utility_clean": "accuracy with clean data",
}
GOOD, NONE, BAD = "#0072b2", "#f6f2ea", "#d55e00"
WORST = "#c2257a"  # the frame, seen on white and on black
STYLE = "<style>.st-key-matrix {overflow-x: auto}</style>"


def show(frame: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page for the runs of one game; `runs` are those of all games."""
    board, cells, doubts = games.get_standing(frame, runs)
    if cells.empty:
        st.info("No comparable runs in this game yet.")
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    metric = widgets.choose_title(left, "Number", METRICS, "metric")
    others = right.toggle("Also attacks outside the required set", key="others", bind="query-params")
    cells = label_attacks(cells, frame)
    pairs = zip(cells["defense_label"], cells["attack_label"], strict=True)
    cells["flags"] = [flags.count_kinds(flags.select_flags(doubts, *pair)) for pair in pairs]
    cells["link"] = widgets.link_runs(cells["run"])
    shown = cells if others or not cells["level"].any() else cells[cells["level"] != ""]
    shown = select(shown)
    if shown.empty:
        st.info("No attack of this game fits this choice.")
        return
    order = [*([] if board.empty else board["defense_label"]), *order_defenses(cells)]
    st.html(STYLE)
    with st.container(key="matrix"):
        chart = draw_matrix(shown, order, metric)
        st.altair_chart(
            chart, width="content", alt="Each defense against each attack; the tables have the same numbers"
        )
    st.caption(
        "Protection beside the same attack on clean data: 1 is full protection (blue), 0 none; negative (orange) means "
        "that the trainer did better with the release than with clean data. Defenses stand as in the ranking. "
        "Framed: the attack with the highest accuracy on the trainer's validation split, which may be "
        "outside the set. A click on a number opens its "
        f"run. {flags.MARK}: there is something to know about the number; it is explained below."
    )
    downloads.offer(shown, "matrix", frame, lambda: chart)
    widgets.show_flags(doubts)


def select(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the attacks that the reader chooses by what they do and by what their trainer may know."""
    left, right = st.columns(2)
    levels = {title: level for level, title in HEADINGS.items() if level in set(cells["level"])}
    classes = {text: find_classes(text) for text in cells["attack_text"].unique()}
    titles = {title: name for name, title in CLASSES.items() if any(name in found for found in classes.values())}
    tell_unknown_value("class", titles, several=True)
    tell_unknown_value("level", levels, several=True)
    wanted = left.multiselect("Attacks that", list(titles), key="class", bind="query-params", placeholder="do anything")
    known = right.multiselect("At the level", list(levels), key="level", bind="query-params", placeholder="any")
    names, chosen = {titles[title] for title in wanted}, {levels[title] for title in known}
    fits = [not names or bool(classes[text] & names) for text in cells["attack_text"]]
    return cells[pd.Series(fits, cells.index) & (cells["level"].isin(chosen) | (not chosen))]


def draw_matrix(cells: pd.DataFrame, order: list[str], metric: str) -> alt.LayerChart | alt.FacetChart:
    """Draw a heat map with numbers and flags: the best defense on top, the least knowing trainer on the left."""
    defenses = [name for name in dict.fromkeys(order) if name in set(cells["defense_label"])]
    attacks = cells["short"].drop_duplicates().tolist()
    top = alt.Axis(
        orient="bottom",
        labelAngle=0,
        labelLimit=STEP,
        labelFontSize=11,
        labelFlush=False,
        labelExpr="split(datum.label, ' + ')",
    )
    side = alt.Axis(labelLimit=170, labelOverlap=False, labelFontSize=13, labelFlush=False)
    shown = cells.assign(
        value=cells[metric],
        number=[f"{round(value, 2) + 0.0:.2f}" for value in cells[metric]],
        mark=cells["flags"].map(lambda kinds: flags.MARK if kinds else ""),
    )
    gaps = alt.Scale(paddingInner=0.04)
    x = alt.X("short:N", sort=attacks, title=None, axis=top, scale=gaps)
    y = alt.Y("defense_label:N", sort=defenses, title=None, axis=side, scale=gaps)
    base = alt.Chart(shown).encode(
        x=x,
        y=y,
        href="link:N",
        tooltip=[
            alt.Tooltip("defense_label:N", title="defense"),
            alt.Tooltip("attack_text:N", title="attack"),
            alt.Tooltip("protection:Q", format=".3f"),
            alt.Tooltip("validation:Q", title="validation accuracy", format=".1%"),
            alt.Tooltip("utility:Q", title="test accuracy", format=".1%"),
            alt.Tooltip("utility_clean:Q", title="same attack, clean data", format=".1%"),
            alt.Tooltip("seeds:Q"),
            alt.Tooltip("flags:N"),
        ],
    )
    is_protection = metric == "protection"
    domain, colors = ([-0.5, 0, 1], [BAD, NONE, GOOD]) if is_protection else ([0, 1], [NONE, BAD])
    scale = alt.Scale(domain=domain, range=colors, clamp=True)
    tile = base.mark_rect(cornerRadius=4).encode(color=alt.Color("value:Q", scale=scale, title=None, legend=None))
    frame = base.transform_filter("datum.worst").mark_rect(cornerRadius=4, filled=False, stroke=WORST, strokeWidth=3)
    dark = "datum.value > 0.55 || datum.value < -0.35" if is_protection else "datum.value > 0.7"
    ink = alt.condition(dark, alt.value("white"), alt.value("#22302f"))
    text = base.mark_text(fontSize=13).encode(text="number:N", color=ink)
    corner = {"x": x.copy().bandPosition(0.92), "y": y.copy().bandPosition(0.22)}
    flag = base.mark_text(fontSize=9, align="right").encode(text="mark:N", color=ink, **corner)
    titles = cells.drop_duplicates("level").assign(title=lambda table: table["level"].map(HEADINGS))
    heading = alt.Chart(titles[["short", "title"]]).encode(x=x.copy().bandPosition(0), y=alt.value(0))
    name = heading.mark_text(align="left", dx=3, dy=-10, fontWeight="bold", color="#8a8a8a").encode(text="title:N")
    border = heading.mark_rule(color="#8a8a8a", strokeWidth=2).encode(y2=alt.value(alt.ExprRef("height")))
    size = {"width": STEP * len(attacks) + NAMES, "height": ROW * len(defenses) + HEADS}
    return alt.layer(tile, frame, text, flag, border, name).properties(**size)


st.title("Defense against attack")
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
