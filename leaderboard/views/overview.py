"""The first page: the question, the answer of one game in sentences and one figure, and how to add to it."""

import pandas as pd
import streamlit as st

from bench.tables.knowledge import TITLES, Entry, answer_game, describe_game, tabulate_points
from leaderboard import games, widgets
from leaderboard.charts import draw_knowledge

DRAWN = 7  # defenses in the figure: one colour each (a docstring here would be shown on the page)

PAGES = {
    "ranking": ("Ranking", "all defenses of a game, best first"),
    "matrix": ("Matrix", "each attack on each of them"),
    "samples": ("Samples", "pictures before and after, and what the models answer"),
    "cost": ("Cost", "what a trainer pays for what they get back"),
    "method": ("Method", "the score and the protocol, with an example"),
}


def show(game: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Show the answer for the runs of one game; `runs` are those of all games."""
    entries = games.get_entries(game, runs)
    points = tabulate_points(entries)
    if points.empty:
        st.info("No defense of this game was played against a whole level of the required set yet.")
        return
    first = choose_first(entries)
    st.markdown("\n".join(f"- {sentence}" for sentence in answer_game(entries, first)))
    chart = draw_knowledge(points, choose_drawn(entries)).properties(height=520)
    st.altair_chart(chart, alt="Protection of the first defenses and the controls by what the trainer knows")
    st.caption(
        "Each column is a trainer who may play all attacks of the columns to the left, too, and takes the one that is "
        "best on their own validation questions. Bars are 95 % intervals over pictures and seeds. Releases called "
        "random are controls, without a method."
    )
    with st.expander("The whole answer in numbers"):
        st.markdown("\n".join(f"- {sentence}" for sentence in describe_game(entries, first)))


def choose_first(entries: list[Entry]) -> str:
    """Return the defense that the sentences are about: mmguard if it was played, otherwise the first of the board."""
    names = [entry.defense for entry in entries]
    return "mmguard" if "mmguard" in names else names[0]


def choose_drawn(entries: list[Entry]) -> list[str]:
    """Return the defenses of the figure: mmguard, the first ones of the board, and the controls at the end."""
    methods = [entry.defense for entry in entries if not entry.is_control]
    controls = [entry.defense for entry in entries if entry.is_control][:2]
    first = sorted(methods, key=lambda name: name != "mmguard")
    return [*first[: DRAWN - len(controls)], *controls]


def explain(runs: pd.DataFrame) -> None:
    """Say what is on the board, and how to add to it."""
    counts = {
        "defenses": runs["defense"].nunique(), "attacks": runs["attack_text"].nunique(),
        "data sets": runs["dataset"].nunique(), "victims": runs["victim"].nunique(), "runs": len(runs),
    }  # fmt: skip
    st.subheader("What is on the board")
    with st.container(horizontal=True, gap="large"):
        for title, count in counts.items():
            st.metric(title, f"{count:,}", width="content")
    for page, (title, says) in PAGES.items():
        st.page_link(f"views/{page}.py", label=f"**{title}**: {says}")
    st.subheader("Add to it")
    st.code(
        "bench run --defense mmguard --attack best     # play a defense against every adaptive attack\n"
        "bench submit validate submissions/mmguard  # check a defense of your own",
        language="bash",
    )


st.title("Can someone still train on what you publish?")
st.markdown(
    "Owners protect pictures and texts by *defenses*; trainers who should not use them try *attacks*. **Protection** "
    "is the share of the data's worth to the trainer that a defense destroys. The trainer moves second: one who "
    + ", or ".join(f"*{title}*" for title in list(TITLES.values())[:4])
    + ", takes the attack that works best."
)
all_runs = widgets.load_runs()
show(widgets.choose_game(all_runs), all_runs)
explain(all_runs)
