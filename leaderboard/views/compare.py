"""The page "Compare": defenses of one game in pairs, where each is better, and the questions where they differ."""

from itertools import combinations

import pandas as pd
import streamlit as st

from bench.tables.comparisons import compare_defenses, tabulate_attacks, tabulate_questions
from bench.tables.ranks import ALPHA
from leaderboard import downloads, games, widgets
from leaderboard.addresses import tell_unknown_value
from leaderboard.plain import quote_plain

MOST = 6  # defenses side by side (a docstring here would be shown on the page)

PAIRS = {
    "first": ("First", None),
    "second": ("Second", None),
    "difference": ("Trainers reach", st.column_config.NumberColumn(format="%+.1f points")),
    "interval": ("95 % interval", None),
    "p": ("p", st.column_config.NumberColumn(format="%.2g")),
    "seeds": ("Seeds", None),
    "better": ("Protects better", None),
}


def show(game: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page for the runs of one game; `runs` are those of all games."""
    board, cells, _ = games.get_standing(game, runs)
    if len(board) < 2:
        st.info("There are no two defenses to compare in this game yet.")
        return
    labels = board["defense_label"].tolist()
    tell_unknown_value("with", labels, several=True)
    chosen = st.multiselect(
        "Defenses", labels, labels[:2], key="with", bind="query-params", max_selections=MOST, placeholder="two or more"
    )
    if len(chosen) < 2:
        st.info("Choose two defenses or more.")
        return
    rows = board.set_index("defense_label", drop=False)
    pairs = list(combinations(chosen, 2))
    table = pd.DataFrame([describe_pair(rows.loc[first], rows.loc[second]) for first, second in pairs])
    widgets.show_table(table, PAIRS)
    st.caption(
        "**Trainers reach**: the mean test accuracy of trainers with the first release less that with the second, each "
        "with the attack of the adaptive set that was best on validation. Pictures and seeds are paired; the interval "
        f"is by bootstrap over both. One protects better where p is at most {ALPHA}, as in the ranking."
    )
    downloads.offer(table, "comparison", game[game["defense_label"].isin(chosen)])
    first, second = pairs[0]
    if len(pairs) > 1:
        names = [f"{one} and {other}" for one, other in pairs]
        picked = st.selectbox("In detail", range(len(pairs)), format_func=names.__getitem__)
        first, second = pairs[picked or 0]
    show_pair(rows.loc[first], rows.loc[second], cells)


def describe_pair(first: pd.Series, second: pd.Series) -> dict[str, object]:
    """Return a row of the table of pairs."""
    names = {"first": first["defense_label"], "second": second["defense_label"]}
    compared = compare_defenses(first, second)
    if compared is None:
        return {
            **names,
            **dict.fromkeys(["difference", "p", "seeds"]),
            "interval": "",
            "better": "no answers in common",
        }
    value, low, high = (100 * number for number in compared.difference)
    better = names["first" if value < 0 else "second"] if compared.p <= ALPHA else "neither is told apart"
    shown = {"difference": value, "interval": f"{low:+.1f} to {high:+.1f}", "p": compared.p, "seeds": compared.seeds}
    return {**names, **shown, "better": better}


def show_pair(first: pd.Series, second: pd.Series, cells: pd.DataFrame) -> None:
    """Show by which attacks two defenses differ most, and the questions that are answered otherwise."""
    names = [row["defense_label"] for row in (first, second)]
    st.subheader("Against each attack")
    attacks = tabulate_attacks(cells, names[0], names[1])
    wins = int((attacks["difference"] > 0).sum())
    st.markdown(f"{quote_plain(names[0])} leaves less to {wins} of {len(attacks)} attacks that both have met.")
    looks = dict.fromkeys([*names, "difference"], widgets.SCORE)
    st.dataframe(attacks.rename(columns={"attack_label": "attack"}), hide_index=True, column_config=looks)
    st.subheader("Questions that are answered otherwise")
    table = tabulate_questions(first, second)
    if table is None:
        st.info(f"Their answers are {widgets.NOT_HERE}", icon=":material/question_mark:")
        return
    titles = {"first": names[0], "second": names[1], "first score": "score", "second score": "score "}
    st.dataframe(table.rename(columns=titles))
    st.caption(f"{len(table)} test questions, at the first seed that both have met.")


st.title("Compare defenses")
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
