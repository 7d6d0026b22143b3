"""The page "Method": the score and the protocol, with an example that is computed as every score is."""

import streamlit as st

from bench.scoring.matching import EVALUATOR
from bench.scoring.protection import ELIGIBLE_GAIN, LISTED_SEEDS, SEEDS, VERIFIED_SEEDS
from bench.spec import PROTOCOL
from bench.tables.example import Example, compute_example
from bench.tables.knowledge import TITLES
from bench.tables.ranks import ALPHA, required_attacks

MODELS = {"baseline": "B: without the content", "clean": "Uc: clean data", "release": "U: the release"}

LEVELS = {
    "plain": TITLES["plain"],
    "adaptive": "may know the method and its code",
    "queries": "can also have their own pictures protected",
    "clean": "also holds some clean samples of the owner",
}


def show_score() -> None:
    """Show the formula and its parts."""
    st.subheader("The score")
    st.latex(r"\text{protection} = 1 - \frac{U - B}{U_c - B}")
    st.markdown(
        "U, Uc and B are accuracies on clean test questions that no trainer has seen:\n"
        "- **U**: the trainer who uses the release.\n"
        "- **Uc**: the same trainer with the owner's clean data.\n"
        "- **B**: the best that this trainer reaches without the content of the release: the model before training, "
        "training on shuffled answers, and for a trainer with clean samples, training on those alone.\n\n"
        "1: the release is worth nothing to the trainer. 0: as much as clean data. Below 0: more. It is never clipped. "
        f"Where Uc − B is under {100 * ELIGIBLE_GAIN:.0f} points, or its interval reaches 0, there is nothing to "
        "protect, and no score."
    )


def show_protocol() -> None:
    """Show who plays, in which order, and how defenses are ranked."""
    st.subheader("The protocol")
    sets = required_attacks()
    st.markdown(
        "1. The owner's defense makes a release of the training samples, within a budget of pixels and words.\n"
        "2. The trainer moves second: of a set of attacks, they take the one that is best on their own validation "
        "questions. Uc is chosen in the same way, from the same set, on clean data.\n"
        "3. The test questions are asked once, after the choice.\n"
        f"4. Intervals of 95 % come from a bootstrap over pictures and seeds, of all three models together.\n"
        f"5. A defense is ranked by the adaptive level, from {LISTED_SEEDS} of the seeds {SEEDS[0]} to {SEEDS[-1]} on, "
        f"and verified from {VERIFIED_SEEDS}. Two defenses tie unless a paired test of their answers has p at most "
        f"{ALPHA}."
    )
    rows = [{"Level": level, "A trainer who": LEVELS[level], "Attacks": len(sets[level])} for level in LEVELS]
    st.dataframe(rows, hide_index=True)
    st.caption(f"Each level holds the attacks of those before it. Protocol {PROTOCOL}, evaluator {EVALUATOR}.")


def show_example(example: Example) -> None:
    """Show the example with its numbers in the formula."""
    st.subheader("An example")
    st.markdown(f"Three models answer {len(example.answers)} questions, two about each picture. 1: right, 0: wrong.")
    st.dataframe(example.answers.rename(columns=MODELS), height=260)
    b, uc, u = (example.accuracy[model] for model in ("baseline", "clean", "release"))
    protection = example.score.protection
    if protection is not None:
        st.latex(
            rf"\rule{{0pt}}{{2em}} 1 - \frac{{{u:.2f} - {b:.2f}}}{{{uc:.2f} - {b:.2f}}} = {protection.value:.2f}"
            rf"\quad [{protection.low:.2f},\ {protection.high:.2f}]"
        )
    gain = example.score.gain
    st.caption(
        f"The gain from clean data is {gain.value:.2f} [{gain.low:.2f}, {gain.high:.2f}]. With so few pictures the "
        "interval of the protection is wide; the numbers here are computed by the code that computes every score."
    )


st.title("Method")
show_score()
show_protocol()
show_example(compute_example())
