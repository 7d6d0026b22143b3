"""The test of exchangeable copies: right under the null whatever the losses are, and it finds what is known better."""

import numpy as np
import pytest

from bench.scoring import exchange
from bench.scoring.exchange import copies_needed, known_better


def draw(rng: np.random.Generator, blocks: int, copies: int, gain: float = 0.0) -> list[np.ndarray]:
    """Losses with heavy tails whose copies of a block hang together; the first copy is lower by `gain`."""
    made = []
    for _ in range(blocks):
        content = rng.standard_cauchy((1, 20))
        losses = content + rng.normal(size=(copies, 1)) + rng.normal(size=(copies, 20))
        losses[0] -= gain
        made.append(losses)
    return made


@pytest.mark.parametrize(("blocks", "copies"), [(1, 20), (2, 10), (3, 5)])
def test_a_model_that_saw_nothing_is_found_no_more_often_than_was_asked(blocks: int, copies: int) -> None:
    rng = np.random.default_rng(0)
    p = np.array([known_better(draw(rng, blocks, copies)) for _ in range(1000)])
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p <= level) <= level + 3 * np.sqrt(level / len(p))
    assert 0.45 < np.mean(p <= 0.5) < 0.56, "it is not timid either"


def test_what_is_known_better_is_found_and_what_is_known_worse_is_not() -> None:
    rng = np.random.default_rng(1)
    assert np.median([known_better(draw(rng, 3, 6, gain=5)) for _ in range(50)]) <= 0.01
    assert min(known_better(draw(rng, 3, 6, gain=-5)) for _ in range(50)) > 0.1


def test_the_fewest_copies_that_can_reach_a_level() -> None:
    for blocks in (1, 2, 3, 5, 50):
        for level in (0.1, 0.05, 0.01, 0.001):
            copies = copies_needed(blocks, level)
            assert (copies + 1) ** -blocks <= level * (1 + 1e-9)
            assert copies == exchange.FEWEST or copies**-blocks > level
    certain = [np.array([[0.0], *[[1.0]] * copies_needed(2, 0.01)])] * 2
    assert known_better(certain) == pytest.approx(0.01)


def test_drawn_choices_agree_with_counted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = draw(np.random.default_rng(2), 4, 5, gain=0.3)
    counted = known_better(losses)
    monkeypatch.setattr(exchange, "MOST", 600)
    drawn = known_better(losses)
    assert drawn == pytest.approx(counted, abs=0.06) and drawn != counted


def test_equal_losses_are_no_evidence() -> None:
    assert known_better([np.ones((5, 7))] * 3) == 1.0
