"""The page "Run": everything about one run, and the command that repeats it. `?run=ID` is its permalink."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables.artefacts import find_artefact, load_log
from bench.tables.game import GAME_COLUMNS
from bench.tables.records import read_learning_curve, read_side_effects
from leaderboard import downloads, widgets

VERSIONS = ["protocol", "evaluator", "code", "created", "origin"]
SPEC = [*GAME_COLUMNS, "defense", "defense_options", "attack", "attack_options", "seed", *VERSIONS]
STEALTH = {
    "linf": "L∞ (levels)",
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "perceptual": "Colour difference (CIEDE2000)",
    "words": "Inserted words",
    "edit_distance": "Inserted characters",
}

UNPUBLISHED = {"protect": "the released pictures", "attack": "the trained adapter"}  # too large to be published

NUMBER = 172  # pixels of a number: two stand side by side on a telephone (a docstring would be shown on the page)

COST = {
    "disk_mb": "disk MB",
    "peak_mb": "peak MB",
    "image_steps": "image steps",
    "image_steps_per_second": "image steps/s",
}


def show(run: pd.Series) -> None:
    """Show the page."""
    if run["reason"]:
        st.warning(f"Not comparable: {run['reason']}.", icon=":material/block:")
    show_numbers(run)
    left, middle, right = st.columns(3)
    with left:
        st.subheader("Game")
        show_fields([(name.replace("_", " "), run[name]) for name in SPEC])
    with middle:
        st.subheader("Stealth")
        show_fields([(title, run["stealth"].get(name)) for name, title in STEALTH.items()])
    with right:
        st.subheader("Cost")
        stages = {stage: entry for stage, entry in run["cost"].items() if isinstance(entry, dict)}
        st.dataframe(
            pd.DataFrame.from_dict(stages, orient="index").rename(columns=COST), placeholder="–", height="content"
        )
    left, right = st.columns(2)
    with left:
        show_log(run, "Attack: the trainer's loss", "attack")
    with right:
        show_log(run, "Protect: the owner's losses", "protect")
    show_learning_curve(run)
    show_side_effects(run)
    st.subheader("Repeat it")
    st.code(run["command"], language="bash", wrap_lines=True)
    stages = run["stages"]
    missing = [name for role, name in UNPUBLISHED.items() if role in stages and not find_artefact(stages, role)]
    if missing:
        st.caption(f"Not on this machine: {' and '.join(missing)}. This command makes them.")
    show_artefacts(run)
    with st.expander("Provenance"):
        st.json(run["provenance"])


def show_numbers(run: pd.Series) -> None:
    """Show utilities and protection."""
    interval = f"95 %: {run['protection_low']:.2f} to {run['protection_high']:.2f}"
    scored = pd.notna(run["protection"])
    row = st.container(horizontal=True)
    row.metric("Protection", f"{run['protection']:.2f}" if scored else "none", border=True, width=NUMBER,
               delta=interval if scored else "no clean gain", delta_color="off", delta_arrow="off")  # fmt: skip
    for title, name, note in zip(
        ["Without the release", "Attack, clean data", "Attack, release", "The same, validation"],
        ["utility_baseline", "utility_clean", "utility", "validation"],
        ["test accuracy"] * 3 + ["what the trainer sees"],
        strict=True,
    ):
        accuracy = "–" if pd.isna(run[name]) else f"{run[name]:.1%}"
        row.metric(title, accuracy, border=True, width=NUMBER, delta=note, delta_color="off", delta_arrow="off")


def show_fields(rows: list[tuple[str, object]]) -> None:
    """Show names and values as plain text."""
    shown = [(name, "–" if value is None or value == {} else str(value)) for name, value in rows]
    st.dataframe(pd.DataFrame(shown, columns=["field", "value"]), hide_index=True, height="content")


def show_log(run: pd.Series, title: str, role: str) -> None:
    """Show the losses that a stage logged while it optimised."""
    st.subheader(title)
    losses = load_log(run["stages"], role)
    if losses is not None:
        chart = draw_lines(losses)
        st.altair_chart(chart, alt=title)
        downloads.offer(losses.reset_index(), f"curve-{role}", run.to_frame().T, lambda: chart)
    elif find_artefact(run["stages"], role):
        st.caption("This stage kept no curve.")
    else:
        st.caption("No curve of this stage is at hand: it kept none, or it is on another machine.")


def show_learning_curve(run: pd.Series) -> None:
    """Show the accuracy along the attack's training, at the trainer's best epoch and at the last, if the run has it."""
    curve = read_learning_curve(run["curve"])
    if curve is None:
        return
    st.subheader("Learning curve")
    (peak_epoch, peak), (last_epoch, last) = curve.peak, curve.last
    st.altair_chart(draw_lines(curve.points), alt="Accuracy by epoch")
    st.caption(
        f"Test accuracy: **{peak:.1%}** at the peak of the trainer's own validation, epoch {peak_epoch}; "
        f"**{last:.1%}** at the last, epoch {last_epoch}."
    )


def show_side_effects(run: pd.Series) -> None:
    """Show what the training did to other tasks, where that was measured."""
    effects = read_side_effects(run["effects"])
    if effects is None:
        return
    st.subheader("Side effects")
    changes = {name: effects[name].map(format_change) for name in ("clean_change", "attacked_change")}
    items = [f"{items} of {total}" for items, total in zip(effects["items"], effects["of"], strict=True)]
    texts = effects.assign(**changes, items=items).drop(columns="of")
    st.dataframe(texts.rename(columns={name: name.replace("_", " ") for name in changes}))
    st.caption("Zero: the base victim. Changes are against it, with 95 % intervals where the metric is a mean.")


def format_change(change: tuple[float, ...]) -> str:
    """Return `-0.020 [-0.060, +0.020]`; the value alone where there is no interval."""
    value, *ends = change
    return f"{value:+.3f}" + (" [{:+.3f}, {:+.3f}]".format(*ends) if ends else "")


def draw_lines(table: pd.DataFrame) -> alt.Chart:
    """Draw one line for each column, over the index."""
    step = str(table.index.name)
    long = table.reset_index().melt([step], var_name="name", value_name="value").dropna()
    color = alt.Color("name:N", title=None, legend=alt.Legend(orient="top"))
    chart: alt.Chart = alt.Chart(long).mark_line(point=True).properties(height=340)
    return chart.encode(
        x=alt.X(f"{step}:Q", axis=alt.Axis(format="d", tickMinStep=1, tickCount=6)),
        y=alt.Y("value:Q", title=None),
        color=color,
    )


def show_artefacts(run: pd.Series) -> None:
    """Show the identities of the artefacts, and which of them are on this machine."""
    stages = run["stages"]
    rows = [(role, str(identity), find_artefact(stages, role) is not None) for role, identity in stages.items()]
    with st.expander("Artefacts"):
        st.dataframe(pd.DataFrame(rows, columns=["stage", "identity", "on this machine"]), hide_index=True)


st.title("Run")
chosen = widgets.choose_run(widgets.load_runs())
show(chosen)
st.page_link(
    "views/samples.py", label="Pictures and answers", icon=":material/image:", query_params={"run": chosen["id"]}
)
