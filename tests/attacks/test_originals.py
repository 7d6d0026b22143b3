"""Clean originals are drawn by the seed of the generator, with all samples of a picture."""

from dataclasses import replace

import numpy as np
import pytest

from attacks.originals import draw_originals, draw_pictures, pair_queries
from attacks.parts import Knowledge
from bench.samples import Sample, SampleSet


@pytest.fixture
def clean() -> SampleSet:
    """Forty pictures with two questions about each."""
    pixels = np.zeros((4, 4, 3), np.uint8)
    pairs = [(k, question) for k in range(40) for question in "ab"]
    return SampleSet(tuple(Sample(f"s{k}{q}", f"p{k}", pixels, f"{q} of {k}?", f"{k}") for k, q in pairs))


def test_the_generator_decides_which_pictures_are_drawn(clean: SampleSet) -> None:
    draws = [draw_pictures(clean, 0.3, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2] and len(draws[0]) == 12
    assert len(draw_pictures(clean, 1e-9, np.random.default_rng(0))) == 1


def test_originals_are_all_samples_of_the_drawn_pictures(clean: SampleSet) -> None:
    knowledge = Knowledge(victim=None, validation=SampleSet(()), owner=clean)  # type: ignore[arg-type]
    originals = draw_originals(knowledge, 0.3, np.random.default_rng(0))
    pictures = draw_pictures(clean, 0.3, np.random.default_rng(0))
    assert list(originals) == [s for s in clean if s.image_id in pictures]


def test_originals_do_not_depend_on_what_was_drawn_before_and_smaller_shares_are_among_larger(clean: SampleSet) -> None:
    knowledge = Knowledge(victim=None, validation=SampleSet(()), owner=clean)  # type: ignore[arg-type]
    used = np.random.default_rng(5)
    used.random(100)
    fresh, later = (draw_originals(knowledge, 0.2, rng) for rng in (np.random.default_rng(5), used))
    assert list(fresh) == list(later)
    few, many = ({s.id for s in draw_originals(knowledge, share, used)} for share in (0.1, 0.4))
    assert few < {s.id for s in fresh} < many


def test_queries_are_paired_with_the_trainers_own_pictures_alone(clean: SampleSet) -> None:
    queried = SampleSet(tuple(replace(s, pixels=s.pixels + 7) for s in clean[4:8]))
    pairs = pair_queries(Knowledge(victim=None, validation=clean, queried=queried))  # type: ignore[arg-type]
    assert len(pairs) == 2, "two questions about each picture"
    assert all((protected == own + 7).all() for protected, own in pairs)
