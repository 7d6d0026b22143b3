"""Run: everything about one run, and the command that repeats it. `?run=ID` is its permalink."""

import altair as alt
import pandas as pd
import streamlit as st

from bench.tables import data
from leaderboard import files, widgets

SPEC = [*data.GAME, "defense", "defense_options", "attack", "attack_options", "seed"]
STEALTH = {
    "linf": "L∞ (levels)",
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "perceptual": "Colour difference (CIEDE2000)",
    "words": "Inserted words",
    "edit_distance": "Inserted characters",
}

MADE = {"protect": "the released pictures", "attack": "the trained adapter"}
"""What a run makes that is too large to be published."""

COST = {"peak_mb": "peak MB", "image_steps": "image steps", "image_steps_per_second": "image steps/s"}


def show(run: pd.Series) -> None:
    """The page."""
    if run["reason"]:
        st.warning(f"Not comparable: {run['reason']}.", icon=":material/block:")
    numbers(run)
    left, middle, right = st.columns(3)
    with left:
        st.subheader("Game")
        fields([(name.replace("_", " "), run[name]) for name in SPEC])
    with middle:
        st.subheader("Stealth")
        fields([(title, run["stealth"].get(name)) for name, title in STEALTH.items()])
    with right:
        st.subheader("Cost")
        stages = {stage: entry for stage, entry in run["cost"].items() if isinstance(entry, dict)}
        st.dataframe(pd.DataFrame.from_dict(stages, orient="index").rename(columns=COST), placeholder="–")
    left, right = st.columns(2)
    with left:
        curve(run, "Attack: the trainer's loss", "attack", "curve.json", "step")
    with right:
        curve(run, "Protect: the owner's losses", "protect", "log.json", "round")
    learning(run)
    effects(run)
    st.subheader("Repeat it")
    st.code(run["command"], language="bash", wrap_lines=True)
    absent = [
        name for stage, name in MADE.items() if stage in run["stages"] and not files.present(run["stages"], stage)
    ]
    if absent:
        st.caption(f"Not on this machine: {' and '.join(absent)}. This command makes them.")
    artefacts(run)
    with st.expander("Provenance"):
        st.json(run["provenance"])


def numbers(run: pd.Series) -> None:
    """Utilities and protection."""
    interval = f"95 %: {run['protection_low']:.2f} to {run['protection_high']:.2f}"
    scored = pd.notna(run["protection"])
    columns = st.columns(5)
    columns[0].metric("Protection", f"{run['protection']:.2f}" if scored else "none", border=True,
                      delta=interval if scored else "no clean gain", delta_color="off", delta_arrow="off")  # fmt: skip
    for column, title, name, note in zip(
        columns[1:],
        ["Zero-shot", "Clean fine-tune", "Protected fine-tune", "Protected, validation"],
        ["utility_zero", "utility_clean", "utility", "validation"],
        ["test accuracy"] * 3 + ["what the trainer sees"],
        strict=True,
    ):
        column.metric(title, f"{run[name]:.1%}", border=True, delta=note, delta_color="off", delta_arrow="off")


def fields(rows: list[tuple[str, object]]) -> None:
    """Names and values, as plain text."""
    shown = [(name, "–" if value is None or value == {} else str(value)) for name, value in rows]
    st.dataframe(pd.DataFrame(shown, columns=["field", "value"]), hide_index=True)


def curve(run: pd.Series, title: str, stage: str, file: str, index: str) -> None:
    """What a stage logged while it optimised."""
    st.subheader(title)
    numbers = files.curve(run["stages"], stage, file, index)
    if numbers is not None:
        st.altair_chart(lines(numbers), alt=title)
    elif files.present(run["stages"], stage):
        st.caption("This stage kept no curve.")
    else:
        st.caption(f"The curve is {files.NOT_HERE}")


def learning(run: pd.Series) -> None:
    """Accuracy along the attack's training, where the run has it: at the trainer's best epoch, and at the last."""
    points = files.points(run["curve"])
    if points is None:
        return
    st.subheader("Learning curve")
    best = int(points["validation"].argmax())
    peak, last = points["test"].iloc[best], points["test"].iloc[-1]
    st.altair_chart(lines(points), alt="Accuracy by epoch")
    st.caption(
        f"Test accuracy: **{peak:.1%}** at the peak of the trainer's own validation, epoch {points.index[best]}; "
        f"**{last:.1%}** at the last, epoch {points.index[-1]}."
    )


def effects(run: pd.Series) -> None:
    """What the training did to other tasks, where it was asked."""
    table = files.effects(run["effects"])
    if table is not None:
        st.subheader("Side effects")
        st.dataframe(table)
        st.caption("Zero: the base victim. Changes are against it, with 95 % intervals where the metric is a mean.")


def lines(curve: pd.DataFrame) -> alt.Chart:
    """One line a column, over the index."""
    step = str(curve.index.name)
    long = curve.reset_index().melt([step], var_name="name", value_name="value").dropna()
    color = alt.Color("name:N", title=None, legend=alt.Legend(orient="top"))
    chart: alt.Chart = alt.Chart(long).mark_line(point=True).properties(height=340)
    return chart.encode(
        x=alt.X(f"{step}:Q", axis=alt.Axis(format="d", tickMinStep=1)), y=alt.Y("value:Q", title=None), color=color
    )


def artefacts(run: pd.Series) -> None:
    """Identities of the artefacts, and which of them are here."""
    rows = [(key, str(name), files.present(run["stages"], key) is not None) for key, name in run["stages"].items()]
    with st.expander("Artefacts"):
        st.dataframe(pd.DataFrame(rows, columns=["stage", "identity", "on this machine"]), hide_index=True)


st.title("Run")
chosen = widgets.one_run(widgets.runs())
show(chosen)
st.page_link(
    "views/samples.py", label="Pictures and answers", icon=":material/image:", query_params={"run": chosen["id"]}
)
