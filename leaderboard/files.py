"""Artefacts of a run, read with distrust: what is missing, foreign or broken is None."""

import html
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from bench.errors import UserError
from bench.results.answers import find
from bench.samples import SampleSet
from bench.store.artifacts import Artifact, look

T = TypeVar("T")

KIND = {"original": "protect", "clean_attack": "attack", **dict.fromkeys(["zero", "clean", "validation"], "evaluate")}
"""Keys of `Run.stages` that name an artefact of another stage than their own; also with an epoch or task after "@"."""

ANSWERS = {"zero-shot": "zero", "clean": "clean", "protected": "evaluate"}
NOT_HERE = "not on this machine: results from elsewhere have no pictures or adapters. The run's command makes them."
UNREADABLE = (OSError, ValueError, KeyError, TypeError, UserError, Image.DecompressionBombError)


def present(stages: Mapping[str, str], key: str) -> Artifact | None:
    """The artefact that a run names for one of its stages; None where it is absent or its identity is none."""
    name, role = str(stages.get(key, "")), key.partition("@")[0]
    return _try(lambda: look(KIND.get(role, role), name)) if re.fullmatch(r"[0-9a-f]{16}", name) else None


def samples(stages: Mapping[str, str], key: str) -> SampleSet | None:
    """The set that stage `protect` (released) or `original` made."""
    artifact = present(stages, key)
    return _try(lambda: _samples(artifact)) if artifact else None


def curve(stages: Mapping[str, str], key: str, name: str, index: str) -> pd.DataFrame | None:
    """The numbers of a list of flat JSON records, or of the one under "history", by their field `index`."""
    artifact = present(stages, key)

    def read() -> pd.DataFrame | None:
        content = artifact.read(name) if artifact else []
        records = content["history"] if isinstance(content, dict) else content
        frame = pd.DataFrame(records).set_index(index).select_dtypes("number")
        return None if frame.empty else frame

    return _try(read)


def answers(stages: Mapping[str, str]) -> tuple[pd.DataFrame | None, list[str]]:
    """Test answers side by side, one row an item, and the models whose predictions are missing.

    Columns: question, target, and of each model its answer (`clean`) and its score in [0,1] (`clean score`).
    """
    found = {model: _try(partial(_predictions, stages, stage)) for model, stage in ANSWERS.items()}
    parts = {model: table for model, table in found.items() if table is not None}
    if len(parts) < len(found):
        return None, [model for model in found if model not in parts]
    items = next(iter(parts.values()))[["question", "target"]]
    columns = [part[["prediction", "score"]].set_axis([m, f"{m} score"], axis=1) for m, part in parts.items()]
    return pd.concat([items, *columns], axis=1, join="inner"), []


def scores(stages: Mapping[str, str]) -> pd.DataFrame | None:
    """Picture (`image_id`) and score of the protected model's answer to each test item, by the item's id."""
    table = _try(partial(_predictions, stages, "evaluate"))
    return None if table is None else _try(lambda: table[["image_id", "score"]])


def points(curve: Any) -> pd.DataFrame | None:
    """A run's learning curve: accuracies `validation` and `test` by epoch."""

    def read() -> pd.DataFrame | None:
        frame = pd.DataFrame(curve).set_index("epoch")[["validation", "test"]].astype(float)
        return None if frame.empty else frame

    return _try(read) if isinstance(curve, list) else None


def effects(told: Any) -> pd.DataFrame | None:
    """A run's side effects, one row a task: metric, its values, the changes against the base, items asked of all."""

    def read() -> pd.DataFrame | None:
        frame = pd.DataFrame.from_dict(told, orient="index")
        for name in ("clean", "attacked"):
            frame[f"{name} change"] = [_interval(change) for change in frame[f"{name}_change"]]
        frame["items"] = [f"{asked} of {every}" for asked, every in zip(frame["items"], frame["of"], strict=True)]
        columns = ["metric", "zero", "clean", "attacked", "clean change", "attacked change", "items"]
        return frame[columns].astype({"zero": float, "clean": float, "attacked": float})

    return _try(read) if isinstance(told, dict) and told else None


def _interval(change: list[float]) -> str:
    """`-0.02 [-0.06, +0.02]`; the value alone where there is no interval."""
    value, *ends = (float(number) for number in change)
    return f"{value:+.3f}" + (f" [{ends[0]:+.3f}, {ends[1]:+.3f}]" if ends else "")


def difference(original: np.ndarray, released: np.ndarray) -> np.ndarray:
    """Ten times what changed, around mid-gray: (H, W, 3) uint8."""
    return np.asarray(np.clip(128 + 10 * (released.astype(int) - original), 0, 255), np.uint8)


def magnify(pixels: np.ndarray, side: int = 384) -> np.ndarray:
    """Whole-number enlargement of a small picture, so that the browser does not smooth it."""
    factor = max(1, side // max(pixels.shape[:2]))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def highlight(original: str, released: str) -> str:
    """The released question as safe HTML, with the words that are not in the original in <mark>."""
    rest, words = original.split(), []
    for word in released.split():
        known = bool(rest) and word == rest[0]
        rest = rest[1:] if known else rest
        words.append(html.escape(word) if known else f"<mark>{html.escape(word)}</mark>")
    return " ".join(words)


def _try(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except UNREADABLE:
        return None


@st.cache_resource(max_entries=8, show_spinner="Reading pictures", hash_funcs={Artifact: lambda a: str(a.folder)})
def _samples(artifact: Artifact) -> SampleSet:
    return SampleSet.load(artifact.folder)


def _predictions(stages: Mapping[str, str], key: str) -> pd.DataFrame | None:
    name = str(stages.get(key, ""))
    found = find(name) if re.fullmatch(r"[0-9a-f]{16}", name) else None
    if found is None:
        return None
    table = found.read().drop_duplicates("id").set_index("id")
    return table.astype({"question": "str", "target": "str", "prediction": "str", "score": "float"})
