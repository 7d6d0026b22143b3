"""DATASET: one split of a data set, rendered or read once and kept as files."""

from functools import cache, partial
from pathlib import Path

from bench import datasets
from bench.datasets import own
from bench.datasets.identity import dataset_identity
from bench.progress import Progress
from bench.stages.stage import Stage, name_stage


def stage(name: str, split: str) -> Stage:
    """Return the stage of a split: train, validation or test."""
    return _stage(name, split, dataset_identity(name))


@cache
def _stage(name: str, split: str, source: str) -> Stage:
    # The name that a person gives to their own data is not part of the identity: a renamed folder keeps its artefacts.
    neutral = "own" if own.is_own(name) else name
    payload = {"dataset": neutral, "split": split, "source": source}
    return name_stage("dataset", f"{name}, {split}", payload, partial(_work, name, split))


def _work(name: str, split: str, folder: Path, progress: Progress) -> None:
    datasets.load(name, split).save(folder)
