"""A defense that returns what cannot be published is named, with the sample and the field, and nothing is kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.errors import UserError
from bench.methods.catalog import Entry
from bench.samples import SampleSet
from bench.spec import Method, RunSpec
from bench.stages import protect
from defenses import REGISTRY
from defenses.base import Defense, Protected
from tests.bench.toy_game import Game

SPEC = RunSpec(dataset="things", victim="tiny-llava-a", defense=Method(name="mischief"), attack=Method(name="none"))

Release = Callable[[SampleSet], Any]


def made(monkeypatch: pytest.MonkeyPatch, release: Release) -> SampleSet:
    """Return the release of a defense that returns what a function makes of the samples."""

    class Mischief(Defense):
        """Returns what it likes."""

        def protect(self, samples: SampleSet, *_: Any) -> Protected:
            result: Protected = release(samples)
            return result

    monkeypatch.setattr(Mischief, "name", "mischief", raising=False)
    monkeypatch.setattr(REGISTRY, "_descriptions", {})
    monkeypatch.setitem(REGISTRY.catalog, "mischief", Entry("bench.spec", "a toy"))
    monkeypatch.setitem(REGISTRY._methods, "mischief", Mischief)
    return SampleSet.load(protect.stage(SPEC).make().folder)


def second(**fields: Any) -> Release:
    """Change fields of the second sample."""
    return lambda samples: Protected(SampleSet((samples[0], replace(samples[1], **fields), *samples[2:])))


def log(**entries: Any) -> Release:
    return lambda samples: Protected(samples, entries)


LOOP: list[Any] = []
LOOP.append(LOOP)
GRAY = np.full((8, 8, 3), 101, np.uint8)


@pytest.mark.parametrize(
    ("release", "told"),
    [
        (
            second(question="What is \ud800 this?"),
            "question of sample 'train1': 'What is \\ud800 this?'; allowed: text",
        ),
        (second(question=None), "question of sample 'train1': None; allowed: text"),
        (second(question=b"What is this?"), "question of sample 'train1': b'What is this?'; allowed: text"),
        (second(question=["What is this?"]), "question of sample 'train1'"),
        (second(question="What is this? <image>"), "the word '<image>' was inserted"),
        (second(question="What is this? <|im_end|>"), "the word '<|im_end|>' was inserted"),
        (second(question="What is that?"), "question of sample 'train1': word 3 changed"),
        (second(question=""), "question of sample 'train1'"),
        (second(answer=None), "answer of sample 'train1': None; allowed: text"),
        (second(answer=5), "answer of sample 'train1': 5; allowed: text"),
        (second(answer="thing 2"), "1 answers changed, in sample 'train1'"),
        (second(answers=None), "answers of sample 'train1': None; allowed: a tuple of texts"),
        (second(answers=["thing 1"]), "answers of sample 'train1': ['thing 1']; allowed: a tuple of texts"),
        (second(answers=np.array(["a", "b"])), "answers of sample 'train1': array("),
        (second(choices=(1, 2)), "choices of sample 'train1': (1, 2); allowed: a tuple of texts"),
        (second(rule="vqa"), "1 rules changed, in sample 'train1'"),
        (second(rule=None), "rule of sample 'train1': None"),
        (second(id="train0"), "ids or order changed, sample 2"),
        (second(id=1), "ids or order changed, sample 2"),
        (second(image_id="../../escape"), "ids or order changed, sample 2"),
        (second(pixels=GRAY / 255), "picture 'train1' is (8, 8, 3) float64; allowed: (8, 8, 3) uint8"),
        (second(pixels=GRAY.astype(np.float32)), "picture 'train1' is (8, 8, 3) float32"),
        (second(pixels=np.full((8, 8, 3), np.nan)), "picture 'train1' is (8, 8, 3) float64"),
        (second(pixels=GRAY.astype(np.int64)), "picture 'train1' is (8, 8, 3) int64"),
        (second(pixels=GRAY[:4]), "picture 'train1' is (4, 8, 3) uint8"),
        (second(pixels=GRAY[..., 0]), "picture 'train1' is (8, 8) uint8"),
        (second(pixels=np.moveaxis(GRAY, 2, 0)), "picture 'train1' is (3, 8, 8) uint8"),
        (second(pixels=Image.fromarray(GRAY)), "picture 'train1' is <PIL.Image.Image"),
        (second(pixels=GRAY.tolist()), "picture 'train1' is [[["),
        (second(pixels=None), "picture 'train1' is None"),
        (lambda samples: Protected(SampleSet(samples[:-1])), "ids or order changed, sample 32 from"),
        (lambda samples: Protected(SampleSet(samples[::-1])), "ids or order changed, sample 1 from"),
        (lambda samples: Protected(SampleSet(())), "32 samples to 0"),
        (lambda samples: Protected(list(samples)), "allowed: a SampleSet of Samples"),  # type: ignore[arg-type]
        (lambda samples: Protected(None), "None; allowed: a SampleSet of Samples"),  # type: ignore[arg-type]
        (lambda samples: Protected(SampleSet((None,) * 32)), "allowed: a SampleSet of Samples"),  # type: ignore[arg-type]
        (lambda samples: samples, "allowed: Protected(samples, log)"),
        (lambda samples: None, "protect returned None; allowed: Protected(samples, log)"),
        (log(loss=np.float32(1)), "log: TypeError"),
        (log(loop=LOOP), "log: ValueError"),
        (log(image_steps="many"), "log: ValueError"),
    ],
)
def test_what_cannot_be_published_is_told(
    release: Release, told: str, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError) as error:
        made(monkeypatch, release)
    line = str(error.value)
    assert told in line and line.startswith("defense 'mischief': ") and "; allowed: " in line
    assert line.isascii() and line.isprintable() and len(line) < 400
    assert protect.stage(SPEC).find() is None
    assert not [file for file in protect.stage(SPEC).folder.parent.rglob("*") if file.suffix in (".png", ".jsonl")]


def test_what_may_be_published_is_kept(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    def mark(samples: SampleSet) -> Protected:
        marked = [s.with_release(s.pixels + np.uint8(1), f"lake {s.question}") for s in samples]
        return Protected(SampleSet(tuple(marked)), {"loss": float("nan"), "image_steps": 3})

    kept = made(monkeypatch, mark)
    assert {s.question for s in kept} == {"lake What is this?"} and kept[0].pixels[0, 0, 0] == GRAY[0, 0, 0]


def test_an_error_names_the_sample_and_the_field_of_a_long_value(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: tuple[Any, ...] = (*(["x" * 10_000] * 100), 1)
    with pytest.raises(UserError, match=r"answers of sample 'train1': .{60,80} \(\d+ characters\); allowed: a tuple"):
        made(monkeypatch, second(answers=answers))


def test_the_home_holds_no_half_release(game: Game, monkeypatch: pytest.MonkeyPatch, bench_home: Path) -> None:
    with pytest.raises(UserError, match="mischief"):
        made(monkeypatch, second(pixels=None))
    assert not [file for file in (bench_home / "artifacts").rglob("*") if "protect" in str(file) and file.is_file()]
