"""Finished turns of a crafting, kept in files, so that a killed crafting goes on where it stopped.

A turn changes the perturbations and the words of its batches and nothing else. All that lies between turns, such as the
adapter steps of a round, follows from them and the seed. So a crafting that reads the turns it finds, and computes
everything else, makes the very release that it would have made without a stop.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from bench.paths import write_atomic
from defenses.craft.draft import Batch

_FOLDER: ContextVar[Path | None] = ContextVar("folder of turns", default=None)


@contextmanager
def keep_turns(folder: Path) -> Iterator[None]:
    """Keep the turns of the crafting in this block in a folder, and read those that are there."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


def save_turn(batches: Sequence[Batch], round: int, number: int, loss: float) -> None:
    """Write what a turn made of its batches, and its loss; nothing outside `keep_turns`."""
    folder, draft = _FOLDER.get(), batches[0].draft
    if folder is None:
        return
    groups = {str(group): draft.perturbations.read(group) for batch in batches for group in batch.groups}
    words = {index: draft.triggers.words[index] for batch in batches for index in batch.indices}
    metadata = {"loss": repr(loss), "words": json.dumps(words)}
    write_atomic(_file(folder, round, number), save({key: _shrink(value) for key, value in groups.items()}, metadata))


def restore_turn(batches: Sequence[Batch], round: int, number: int) -> float | None:
    """Put what a kept turn made into the draft of its batches, and return its loss; None where it was not kept."""
    folder, draft = _FOLDER.get(), batches[0].draft
    file = None if folder is None else _file(folder, round, number)
    if file is None or not file.is_file():
        return None
    with safe_open(file, "numpy") as kept:
        for key in kept.keys():  # noqa: SIM118 - it is no dictionary
            draft.perturbations.write(int(key), kept.get_tensor(key).astype(np.int16))
        metadata = kept.metadata()
    for index, words in json.loads(metadata["words"]).items():
        draft.triggers.words[int(index)] = words
    return float(metadata["loss"])


def _file(folder: Path, round: int, number: int) -> Path:
    return folder / f"{round}-{number}.safetensors"


def _shrink(levels: np.ndarray) -> np.ndarray:
    """Return integer levels in a byte each where they fit, in the order that safetensors takes for granted."""
    fits = np.abs(levels).max(initial=0) <= np.iinfo(np.int8).max
    return np.ascontiguousarray(levels, np.int8 if fits else np.int16)
