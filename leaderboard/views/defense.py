"""The page "Defense": one defense, its card and options, what it is worth by level and victim, and its runs."""

import pandas as pd
import streamlit as st

from bench.tables.method_tables import tabulate_levels, tabulate_victims
from bench.tables.methods import load_options, read_card
from defenses import REGISTRY
from leaderboard import downloads, games, methods, widgets


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
        st.info("A release without a method is what the others are compared with; it has no protection.")
    else:
        st.subheader("Protection by what the trainer knows")
        st.altair_chart(methods.draw_bars(levels, "level", "variant"), alt="Protection by level")
    victims = tabulate_victims(name, [(part, games.get_standing(part, runs).board) for part in games.find_siblings(
        game, runs, ("victim", "surrogates"))])  # fmt: skip
    if victims["victim"].nunique() > 1:
        st.subheader("Adaptive protection by victim")
        st.altair_chart(methods.draw_bars(victims, "victim", "variant"), alt="Protection by victim")
    st.subheader("Against each attack")
    met = cells[cells["defense"] == name].sort_values("protection")
    met = met.assign(link=widgets.link_runs(met["run"]))
    widgets.show_table(met, {"attack_label": ("Attack", None), **methods.CELLS})
    downloads.offer(met, f"defense {name}", own)
    methods.show_runs(own)
    widgets.show_flags([flag for flag in doubts if flag.defense in set(own["defense_label"])])


st.title("Defense")
all_runs = widgets.load_runs()
chosen_game = widgets.choose_game(all_runs)
first = games.get_standing(chosen_game, all_runs).board
known = [*first.get("defense", []), *chosen_game["defense"].unique(), *REGISTRY.catalog]
show(methods.choose("defense", known), chosen_game, all_runs)
