"""Clean originals are added to the release or replace a part of it: the right number, with all their samples."""

from dataclasses import replace

import numpy as np
import pytest

from attacks.parts import PARTS, Knowledge
from bench.samples import Sample, SampleSet
from bench.spec import Method

PICTURES = 40


@pytest.fixture
def clean() -> SampleSet:
    """Forty pictures, two questions about each."""
    samples = []
    for k in range(PICTURES):
        pixels = np.full((4, 4, 3), k, np.uint8)
        samples += [Sample(f"s{k}{q}", f"p{k}", pixels, f"{q} of {k}?", f"{k}") for q in "ab"]
    return SampleSet(tuple(samples))


@pytest.fixture
def released(clean: SampleSet) -> SampleSet:
    return SampleSet(tuple(replace(s, pixels=s.pixels + 100, question=f"lamp {s.question}") for s in clean))


def prepare(name: str, released: SampleSet, clean: SampleSet, seed: int = 0, **options: float) -> SampleSet:
    part = PARTS.build(Method(name=name, options=options))
    assert part.needs == {"owner"} and part.card.knowledge == "K4"
    knowledge = Knowledge(victim=None, validation=SampleSet(()), owner=clean)  # type: ignore[arg-type]
    return part.prepare(released, knowledge, np.random.default_rng(seed))


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_clean_pictures_are_added(share: float, released: SampleSet, clean: SampleSet) -> None:
    done = prepare("mix_clean", released, clean, share=share)
    assert done[: len(released)] == released.samples
    added = done[len(released) :]
    assert len(added) == 2 * round(share * PICTURES)
    originals = {s.question: s for s in clean}
    for s in added:
        assert (s.pixels == originals[s.question].pixels).all() and s.answer == originals[s.question].answer
    assert len({s.id for s in done}) == len(done)
    by_picture = {s.image_id: s.pixels for s in done}
    assert all((by_picture[s.image_id] == s.pixels).all() for s in done), "one picture under one id"


@pytest.mark.parametrize("share", [0.05, 0.2, 1.0])
def test_own_pictures_alone_are_those_that_are_added_to_the_release(
    share: float, released: SampleSet, clean: SampleSet
) -> None:
    added = prepare("mix_clean", released, clean, seed=3, share=share)[len(released) :]
    alone = prepare("own_only", released, clean, seed=3, share=share)
    assert len(alone) == len({s.id for s in alone}) == len(released), "as many steps as on the release"
    assert {(s.question, s.answer, s.pixels.tobytes()) for s in alone} == {
        (s.question, s.answer, s.pixels.tobytes()) for s in added
    }


@pytest.mark.parametrize("protected", [0.2, 0.5, 0.8])
def test_only_some_pictures_are_protected(protected: float, released: SampleSet, clean: SampleSet) -> None:
    done = prepare("partial", released, clean, protected=protected)
    assert [s.id for s in done] == [s.id for s in released]
    kept = {s.image_id for s in done if s.pixels[0, 0, 0] >= 100}
    assert len(kept) == round(protected * PICTURES)
    for s, original in zip(done, clean, strict=True):
        assert (s.image_id in kept) == s.question.startswith("lamp"), "picture and question go together"
        assert s.image_id in kept or (s.pixels == original.pixels).all()
