"""Answers depend on the victim and the question alone: not on the batch, and not on how many workers there are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench import datasets
from bench.engine.local import Pool
from bench.lvlm.catalog import load
from bench.play.schedule import play_plan
from bench.samples import Sample, SampleSet
from bench.spec import Method, RunSpec
from bench.stages import evaluate
from bench.victims import EMBEDDED
from tests.bench.toys import plan_of

ASIDES = ("", "Look closely. ", "Take your time and look at the middle of the picture, not at what is behind it. ")
SIZES = ((64, 64), (48, 80), (96, 56))


def mixed(samples: SampleSet) -> SampleSet:
    """Questions of three lengths about pictures of three shapes, so that every batch is padded."""

    def other(i: int, sample: Sample) -> Sample:
        shape = Image.fromarray(sample.pixels).resize(SIZES[i % 3], Image.Resampling.BICUBIC)
        return replace(sample, pixels=np.asarray(shape), question=ASIDES[i // 3 % 3] + sample.question)

    return SampleSet(tuple(other(i, sample) for i, sample in enumerate(samples)))


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_batch_does_not_change_an_answer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 1, 8 and 64; all of 24 items, and the log of them."""
    asked = mixed(datasets.load("emoji_smoke", "validation"))
    monkeypatch.setattr(datasets, "load", lambda *_: asked)
    victim = load(name)
    alone, *others = (
        evaluate.evaluate(victim, "emoji_smoke", "validation", lambda *_: None, batch) for batch in (1, 8, 64)
    )
    assert len(set(alone.table["prediction"])) > 8, "where all answers are alike, nothing was shown"
    for other in others:
        pd.testing.assert_frame_equal(other.table, alone.table)
        assert other.log == alone.log


@pytest.mark.slow
def test_one_process_and_two_workers_give_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero-shot answers of all embedded victims, bit by bit."""
    method = Method(name="none")
    asked = [
        evaluate.stage(RunSpec(defense=method, attack=method, victim=name, dataset="emoji_smoke"), None, "validation")
        for name in EMBEDDED
    ]
    kept = []
    for home in ("alone", "shared"):
        monkeypatch.setenv("BENCH_HOME", str(tmp_path / home))
        if home == "shared":
            assert (
                play_plan(plan_of([*asked, *(need for stage in asked for need in stage.needs)]), Pool(2)).failed == {}
            )
        files = ("predictions.parquet", "metrics.json", "samples.jsonl.gz")
        kept.append([(stage.make().folder / file).read_bytes() for stage in asked for file in files])
    assert kept[0] == kept[1]
