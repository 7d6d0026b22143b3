"""The page "Defense": one defense, its card, what it is worth by level, budget and victim, pictures, and its runs."""

import pandas as pd
import streamlit as st

from bench.tables.attack_labels import label_attacks
from bench.tables.curves import tabulate_attack_options, tabulate_defense_options
from bench.tables.method_tables import tabulate_games, tabulate_levels
from bench.tables.methods import load_options, read_card
from defenses import REGISTRY
from leaderboard import downloads, games, methods, pictures, widgets
from leaderboard.charts import draw_stairs

NONE = "A release without a method is what the others are compared with; it has no protection."
MOST = 7  # variants in a chart (a docstring here would be shown on the page)


def show(name: str, game: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page of a defense for the runs of one game; `runs` are those of all games."""
    entry = REGISTRY.entry(name)
    methods.show_facts(entry.summary if entry else "", read_card(name), load_options(name))
    own = game[game["defense"] == name]
    if own.empty:
        st.info(f"Nobody has played this defense in this game yet; in all games it has {methods.count(runs, name)}.")
        st.code(f"bench run --defense {name} --attack best" if entry else "bench list", language="bash")
        return
    board, cells, doubts = games.get_standing(game, runs)
    levels = tabulate_levels(board, name)
    if levels.empty:
        st.info(
            NONE if name == "none" else "It has not met all attacks of any level here, or its answers are elsewhere."
        )
    else:
        st.subheader("Protection by what the trainer knows")
        st.altair_chart(methods.draw_bars(levels, "level", "variant"), alt="Protection by level")
    for column, title, free in methods.NEIGHBOURS:
        siblings = games.find_siblings(game, runs, free)
        boards = [(part, games.get_standing(part, runs).board) for part in siblings]
        methods.show_games(tabulate_games(column, name, boards), column, f"Adaptive protection {title}")
    methods.show_curves(tabulate_defense_options(board[board["defense"] == name], own))
    st.subheader("Against each attack")
    met = cells[cells["defense"] == name].sort_values("protection")
    met = met.assign(link=widgets.link_runs(met["run"]))
    widgets.show_table(met, {"attack_label": ("Attack", None), **methods.CELLS})
    downloads.offer(met, f"defense {name}", own)
    if not met.empty:
        methods.show_curves(tabulate_attack_options(label_attacks(met, own)))
    show_cost(game, [label for label in games.name_climbed(game, runs) if label in set(own["defense_label"])])
    pictures.show_gallery(own)
    methods.show_runs(own)
    widgets.show_flags([flag for flag in doubts if flag.defense in set(own["defense_label"])])


def show_cost(game: pd.DataFrame, labels: list[str]) -> None:
    """Show what a trainer gains on the releases of some defenses against the cost of their attacks."""
    if labels:
        st.subheader("Against the trainer's cost")
        steps = pd.concat([games.get_ladder(game, label) for label in labels[:MOST]])
        chart = draw_stairs(steps).properties(height=260)
        st.altair_chart(chart, alt="The trainer's best gain against the cost of the attacks")
        st.caption("From plain LoRA to the dearest attack; the page Cost has it beside other defenses.")


st.title("Defense")
all_runs = widgets.load_runs()
chosen_game = widgets.choose_game(all_runs)
first = games.get_standing(chosen_game, all_runs).board
known = [*first.get("defense", []), *chosen_game["defense"].unique(), *REGISTRY.catalog]
show(methods.choose("defense", known), chosen_game, all_runs)
