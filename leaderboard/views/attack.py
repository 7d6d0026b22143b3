"""The page "Attack": one attack, its cards and options, what it leaves of each defense, pictures, and its runs."""

import pandas as pd
import streamlit as st

from attacks import REGISTRY
from attacks.grammar import parse_attack
from bench.tables.attack_labels import HEADINGS, find_levels
from bench.tables.cleaned import find_cleaners
from bench.tables.distrust import read_or_none
from bench.tables.method_tables import tabulate_attack_games
from bench.tables.methods import find_entry, load_options, read_card
from leaderboard import downloads, games, methods, pictures, widgets
from leaderboard.plain import quote_plain


def show(text: str, game: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the page of an attack in text form for the runs of one game; `runs` are those of all games."""
    level = find_levels().get(text, "")
    st.caption(f"In the required set: {HEADINGS[level] if level else 'no'}")
    method = read_or_none(lambda: parse_attack(text))
    for part in method.name.split("+") if method else []:
        entry = find_entry(part)
        with st.expander(part if entry else f"{quote_plain(part)}: not in this suite", expanded=True):
            methods.show_facts(entry.summary if entry else "", read_card(part), load_options(part))
    own = game[game["attack_text"] == text]
    if own.empty:
        st.info("Nobody has played this attack in this game yet.")
        st.code(f"bench run --defense mmguard --attack '{text}'" if method else "bench list", language="bash")
        return
    for title, authors in (
        own.loc[own["attack_title"] != "", ["attack_title", "attack_authors"]].drop_duplicates().values
    ):
        st.caption(f"Submitted as {quote_plain(title)}, by {quote_plain(authors)}")
    _, cells, doubts = games.get_standing(game, runs)
    labels = set(own["attack_label"])
    left = cells[cells["attack_label"].isin(labels)].sort_values("protection", ascending=False)
    if not left.empty:
        st.subheader("Protection that it leaves")
        bars = left.rename(columns={"protection": "value", "defense_label": "variant"})
        chart = methods.draw_bars(bars, "variant", "")
        st.altair_chart(chart, alt="Protection of each defense against this attack; the table has the same numbers")
        table = left.assign(link=widgets.link_runs(left["run"]))
        widgets.show_table(table, {"defense_label": ("Defense", None), **methods.CELLS})
        downloads.offer(table, "attack", own, lambda: chart)
    for column, title, free in methods.NEIGHBOURS:
        siblings = games.find_siblings(game, runs, free)
        standings = [(part, games.get_standing(part, runs).cells) for part in siblings]
        methods.show_games(tabulate_attack_games(column, text, standings), column, f"Protection that it leaves {title}")
    cleaners = read_or_none(lambda: find_cleaners(method)) if method else None
    pictures.show_cleaned(own, cleaners or [])
    methods.show_runs(own)
    widgets.show_flags([flag for flag in doubts if flag.attack in labels])


st.title("Attack")
all_runs = widgets.load_runs()
chosen_game = widgets.choose_game(all_runs)
known = [*find_levels(), *chosen_game["attack_text"].unique(), *REGISTRY.catalog]
show(methods.choose("attack", known), chosen_game, all_runs)
