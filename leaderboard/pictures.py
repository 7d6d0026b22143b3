"""The samples of a run, kept in memory while the app runs."""

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from bench.samples import SampleSet
from bench.tables import artefacts


def load_samples(stages: Mapping[str, str], role: str) -> SampleSet | None:
    """Return what `bench.tables.artefacts.load_samples` does."""
    return artefacts.load_samples(stages, role, load=lambda folder: _load(str(folder)))


@st.cache_resource(max_entries=8, show_spinner="Reading pictures")
def _load(folder: str) -> SampleSet:
    return SampleSet.load(Path(folder))
