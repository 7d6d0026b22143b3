"""Binding losses against scipy's divergences, and the masks of the tokens that they use."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from defenses.mmguard.binding import FLOOR, answer_rows, divergence, mass_loss, perturbed_tokens
from defenses.mmguard.bph import BPHOptions


@st.composite
def rows(draw: st.DrawFn, count: int = 3) -> torch.Tensor:
    """(count, T) distributions, all above the floor."""
    length = draw(st.integers(2, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return torch.from_numpy(rng.dirichlet(np.full(length, 2.0), count)).clamp(min=2 * FLOOR)


@given(rows(), st.integers(0, 99))
def test_mass_loss_is_the_divergence_from_uniform(row: torch.Tensor, seed: int) -> None:
    target = torch.rand(row.shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    for one, chosen, loss in zip(row.numpy(), target.numpy(), mass_loss(row, target), strict=True):
        uniform = chosen / max(chosen.sum(), 1)
        assert loss.item() == pytest.approx(rel_entr(uniform, one).sum(), rel=1e-6, abs=1e-6)


def test_mass_loss_is_least_where_all_mass_is_on_the_target() -> None:
    target = torch.tensor([[True, True, False, False]])
    best, worse, worst = (torch.tensor([r]) for r in ([0.5, 0.5, 0, 0], [0.7, 0.3, 0, 0], [0.0, 0.0, 0.5, 0.5]))
    assert mass_loss(best, target).item() == pytest.approx(0, abs=1e-6)
    assert 0 < mass_loss(worse, target) < mass_loss(worst, target)
    assert mass_loss(worst, target).item() == pytest.approx(-math.log(FLOOR) - math.log(2), rel=1e-5)


def test_an_empty_target_costs_nothing_and_has_no_gradient() -> None:
    row = torch.full((2, 4), 0.25, requires_grad=True)
    target = torch.tensor([[False] * 4, [True, False, False, False]])
    loss = mass_loss(row, target)
    (gradient,) = torch.autograd.grad(loss.sum(), row)
    assert loss[0] == 0 and not gradient[0].any()
    assert gradient[1].tolist() == [-4, 0, 0, 0]


@given(rows(count=6))
def test_divergence_is_kullback_and_leiblers(row: torch.Tensor) -> None:
    clean, protected = row[:3], row[3:]
    expected = rel_entr(clean.numpy(), protected.numpy()).sum(1)
    np.testing.assert_allclose(divergence(clean, protected).numpy(), expected, rtol=1e-6, atol=1e-9)
    assert not divergence(clean, clean).any()


def test_divergence_is_bounded_and_ignores_what_clean_does_not_attend_to() -> None:
    clean = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.5, 0.5]])
    protected = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.1, 0.1]])
    loss = divergence(clean, protected)
    assert loss[0].item() == pytest.approx(-math.log(FLOOR), rel=1e-5)
    assert loss[1].item() == pytest.approx(math.log(5), rel=1e-5)


@pytest.mark.parametrize("left", [False, True])
def test_answer_rows_predict_the_answer(lvlm: LVLM, left: bool) -> None:
    """A row reads its own token and gives the next one: one row a token of the answer, none of them the last."""
    prompts = [Prompt("What?", "cat"), Prompt("Which object is it?", "a red bicycle")]
    encoded = lvlm.text.encode(prompts, [lvlm.image_token * 4] * 2, left=left)
    chosen = answer_rows(encoded)
    for i in range(2):
        predicted = encoded.ids[i, chosen[i].nonzero().squeeze(1) + 1]
        assert torch.equal(predicted, encoded.ids[i][encoded.answer[i]])
        first = int(chosen[i].nonzero()[0])
        assert encoded.mask[i, first] and not encoded.answer[i, first], "the last token of the prompt"


@pytest.mark.parametrize("share", ["0.01", "0.1", "0.25", "0.5", "0.9", "1.0"])
def test_the_number_of_perturbed_tokens_is_rounded_up(lvlm: LVLM, tensors: list[torch.Tensor], share: str) -> None:
    encoded = lvlm.encode([Prompt("What?", "cat")] * 3, lvlm.layouts(tensors[:3]))
    noise = torch.Generator().manual_seed(0)
    noisy = [(t + torch.randint(-8, 9, t.shape, generator=noise)).clamp(0, 255) for t in tensors[:3]]
    members = perturbed_tokens(encoded, lvlm.intensity(noisy, tensors[:3]), float(share))
    assert not (members & ~encoded.image).any()
    assert members.sum(1).tolist() == [math.ceil(Fraction(share) * int(n)) for n in encoded.image.sum(1)]


@pytest.mark.parametrize(("tokens", "most"), [(9, 1), (64, 7), (228, 23)])
def test_a_tenth_of_any_number_of_image_tokens_counts_as_perturbed(lvlm: LVLM, tokens: int, most: int) -> None:
    """In particular of a victim that reads 64; 23 of 228 are those of the paper's figure."""
    encoded = lvlm.text.encode([Prompt("What?", "cat")], [lvlm.image_token * tokens])
    intensity = torch.rand(tokens, generator=torch.Generator().manual_seed(0))
    chosen = perturbed_tokens(encoded, [intensity], BPHOptions().tau)[0][encoded.image[0]]
    assert int(chosen.sum()) == most
    assert intensity[chosen].min() > intensity[~chosen].max()


def test_the_most_perturbed_patches_are_the_ones_that_were_changed(lvlm: LVLM) -> None:
    """On a picture that needs no resizing, token by token in reading order."""
    side = 8 if lvlm.name.startswith("tiny-llava") else 16
    per_row = 48 // side
    clean = torch.full((3, 48, 48), 100.0)
    encoded = lvlm.encode([Prompt("What?", "cat")] * 2, [(48, 48)] * 2)
    for cells in ([(0, 0), (2, 1)], [(1, 2), (2, 2)]):
        noisy = clean.clone()
        for r, c in cells:
            noisy[:, side * r : side * r + side, side * c : side * c + side] += 8
        noisy[:, 0, -1] += 1  # one pixel of another patch, less perturbed on average
        members = perturbed_tokens(encoded, lvlm.intensity([noisy, clean + 1], [clean, clean]), 2 / per_row**2)
        found = members[0][encoded.image[0]].nonzero().squeeze(1).tolist()
        assert found == sorted(per_row * r + c for r, c in cells)
        assert int(members[1].sum()) == 2


def test_perturbed_tokens_are_no_part_of_the_gradient(lvlm: LVLM, tensors: list[torch.Tensor]) -> None:
    leaf = tensors[0].clone().requires_grad_(True)
    encoded = lvlm.encode([Prompt("What?", "cat")], lvlm.layouts([leaf]))
    members = perturbed_tokens(encoded, lvlm.intensity([leaf], [tensors[0] + 3]), 0.5)
    assert members.dtype == torch.bool and not members.requires_grad
