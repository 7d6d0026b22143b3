"""The evaluator asks each clean item once and writes down what was said, whatever the batch."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench import datasets
from bench.datasets import load
from bench.datasets.cards import EMBEDDED
from bench.samples import SampleSet
from bench.stages.evaluate import evaluate

COLUMNS = ["id", "image_id", "question", "target", "prediction", "score", "lenient"]


class Knowing:
    """A victim that knows every picture of a data set by its pixels and answers by its place in it.

    Of four items in a row it answers one as it is written, one in other words of the same name, and two wrongly.
    """

    def __init__(self, samples: SampleSet) -> None:
        self.samples = samples
        self.place = {sample.pixels.tobytes(): i for i, sample in enumerate(samples)}
        self.asked: list[tuple[int, str]] = []
        self.sizes: list[int] = []

    def said(self, i: int) -> str:
        """Its answer to item `i`."""
        name = self.samples[i].answer
        return (name, f"The {name.upper()}.", f"{name} and more", "")[i % 4]

    def generate(self, questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
        """Answers in the order asked; a picture that is not the data set's own is a KeyError."""
        assert max_new_tokens == 16
        assert all(image.dtype == np.uint8 and image.shape == (64, 64, 3) for image in images)
        places = [self.place[image.tobytes()] for image in images]
        self.asked += zip(places, questions, strict=True)
        self.sizes.append(len(questions))
        return [self.said(i) for i in places]


@pytest.fixture(scope="module")
def samples() -> SampleSet:
    """The test split of the small data set."""
    return load("emoji_smoke", "test")


@pytest.mark.parametrize("batch", [1, 7, 96])
def test_each_item_is_asked_once_and_the_table_is_in_the_data_sets_order(batch: int, samples: SampleSet) -> None:
    victim, steps = Knowing(samples), []
    made = evaluate(victim, "emoji_smoke", "test", lambda *step: steps.append(step), batch)  # type: ignore[arg-type]
    assert not Counter(victim.asked) - Counter((i, s.question) for i, s in enumerate(samples))
    assert len(victim.asked) == len(samples)
    expected = [
        (s.id, s.image_id, s.question, s.answer, victim.said(i), float(i % 4 in {0, 1}), float(i % 4 != 3))
        for i, s in enumerate(samples)
    ]
    pd.testing.assert_frame_equal(made.table, pd.DataFrame(expected, columns=COLUMNS))
    assert made.metrics == {"score": 0.5, "lenient": 0.75, "items": 96}
    assert max(victim.sizes) == batch
    assert steps[-1] == (1.0, "96/96 answers") and len(steps) == len(victim.sizes)


class Learned:
    """A victim that says the answer to every question about every picture."""

    def __init__(self, samples: SampleSet) -> None:
        self.answers = {(s.question, s.pixels.tobytes()): s.answer for s in samples}

    def generate(self, questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
        """A question about a picture that is not the split's own is a KeyError."""
        return [self.answers[q, image.tobytes()] for q, image in zip(questions, images, strict=True)]


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_data_set_has_a_task_that_asks_the_split_it_is_told(name: str) -> None:
    """What a trainer learns there is right, by the rule that it is judged by."""
    own = load(name, "validation")
    table = evaluate(Learned(own), name, "validation", lambda *_: None).table  # type: ignore[arg-type]
    assert list(table["id"]) == [s.id for s in own]
    assert list(table["target"]) == [s.answer for s in own]
    assert (table["score"] > 0.99).all() and (table["lenient"] >= table["score"]).all()


def test_what_lm_eval_logged_is_kept_without_pictures(samples: SampleSet, tmp_path: Path) -> None:
    evaluate(Knowing(samples), "emoji_smoke", "test", lambda *_: None).save(tmp_path)  # type: ignore[arg-type]
    with gzip.open(tmp_path / "samples.jsonl.gz", "rt", encoding="utf-8") as file:
        log = [json.loads(line) for line in file]
    assert [(r["doc"]["id"], r["filter"]) for r in log] == [(s.id, f) for f in ("strict", "lenient") for s in samples]
    third = next(r for r in log if r["filter"] == "lenient" and r["doc_id"] == 2)
    name = samples[2].answer
    assert (third["resps"], third["filtered_resps"], third["score"]) == ([[f"{name} and more"]], [name], 1.0)
    assert third["arguments"][0][0] == samples[2].question and third["arguments"][0][1]["max_gen_toks"] == 16
    assert third["doc"].keys() >= {"question", "answer", "rule"} and "image" not in third["doc"]
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"items": 96, "lenient": 0.75, "score": 0.5}
    assert len(pd.read_parquet(tmp_path / "predictions.parquet")) == 96
    assert (tmp_path / "samples.jsonl.gz").stat().st_size < 50_000


def test_the_log_is_the_same_bytes_each_time(samples: SampleSet, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        evaluate(Knowing(samples), "emoji_smoke", "test", lambda *_: None).save(tmp_path / name)  # type: ignore[arg-type]
    for file in ("samples.jsonl.gz", "metrics.json", "predictions.parquet"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


class Captioner(Knowing):
    """Says for every item the second of its two captions, but for the first item nothing that fits."""

    def said(self, i: int) -> str:
        return "nonsense" if i == 0 else self.samples[i].answers[1]

    def generate(self, questions: list[str], images: list[np.ndarray], max_new_tokens: int) -> list[str]:
        """As a data set of one's own is asked: up to 32 tokens."""
        assert max_new_tokens == 32
        return super().generate(questions, images, 16)


def test_a_data_set_of_ones_own_is_played_by_the_task_own(
    samples: SampleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its captions are judged by ROUGE-L, and as a corpus."""
    own = SampleSet(
        tuple(
            replace(s, rule="caption", answers=("it is seen", f"here one sees the {s.answer} of the set"))
            for s in samples[:8]
        )
    )
    monkeypatch.setattr(datasets, "load", lambda name, split: {str(tmp_path): own}[name])
    made = evaluate(Captioner(own), str(tmp_path), "test", lambda *_: None)  # type: ignore[arg-type]
    assert list(made.table["score"]) == [0.0] + [1.0] * 7
    assert made.metrics.keys() == {"score", "lenient", "bleu", "cider", "items"}
    assert 0.8 < made.metrics["bleu"] < 1 and 2 < made.metrics["cider"] < 10
    assert not {"bleu", "cider"} & made.log[0].keys()
