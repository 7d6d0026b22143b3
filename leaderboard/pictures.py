"""The samples of a run, kept in memory while the app runs, and a strip of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from attacks.parts import Part
from bench.samples import Sample, SampleSet
from bench.tables import artefacts, release
from bench.tables.cleaned import clean_picture
from leaderboard.plain import escape_markdown

STRIP = 12
"""Samples in a strip."""


def load_samples(stages: Mapping[str, str], role: str) -> SampleSet | None:
    """Return what `bench.tables.artefacts.load_samples` does."""
    return artefacts.load_samples(stages, role, load=lambda folder: _load(str(folder)))


def show_strip(original: SampleSet, released: SampleSet) -> None:
    """Show some samples of a release: original, released and difference in one picture each."""
    before, after = ({sample.id: sample for sample in samples} for samples in (original, released))
    shared = [key for key in before if key in after][:STRIP]
    strip = [release.place_side_by_side(before[key].pixels, after[key].pixels) for key in shared]
    _show([before[key] for key in shared], strip, "original and released")


def show_gallery(runs: pd.DataFrame) -> None:
    """Show the strip of the newest of some runs whose pictures are at hand; nothing where none are."""
    for stages in runs.drop_duplicates("defense_label", keep="last")["stages"]:
        original, released = (load_samples(stages, role) for role in ("original", "protect"))
        if original is not None and released is not None:
            st.subheader("Pictures: original, released, difference")
            show_strip(original, released)
            return


def show_cleaned(runs: pd.DataFrame, cleaners: Sequence[Part[Any]]) -> None:
    """Show released pictures beside what the parts of an attack make of them; nothing where none are at hand."""
    rng = np.random.default_rng(0)
    for stages in runs.drop_duplicates("defense_label", keep="last")["stages"]:
        released = load_samples(stages, "protect")
        if released is not None and cleaners:
            shown = released[:STRIP]
            st.subheader("Pictures: released, as the trainer's model sees them")
            strip = [release.join(s.pixels, clean_picture(s.pixels, cleaners, rng)) for s in shown]
            _show(shown, strip, "released and as the trainer's model sees it")
            return


def _show(samples: Sequence[Sample], strip: Sequence[np.ndarray], what: str) -> None:
    names = [f"{sample.id}: {sample.answer}" for sample in samples]
    st.image(
        list(strip),
        [escape_markdown(name) for name in names],
        width=300,
        output_format="PNG",
        alt=[f"{name}, {what}" for name in names],
    )


@st.cache_resource(max_entries=8, show_spinner="Reading pictures")
def _load(folder: str) -> SampleSet:
    return SampleSet.load(Path(folder))
