"""Muon against the polar factor, its AdamW half against torch's, and resuming bit by bit."""

import copy
import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bench.lvlm.embedded.muon import Muon, orthogonalise


def gaussian(rows: int, columns: int, seed: int) -> torch.Tensor:
    """A random matrix."""
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


@given(st.integers(2, 12), st.integers(3, 6), st.booleans(), st.integers(0, 99), st.floats(1e-3, 1e3))
def test_orthogonalise_is_near_the_polar_factor(short: int, ratio: int, tall: bool, seed: int, scale: float) -> None:
    matrix = gaussian(short, short * ratio, seed)
    matrix = matrix.T if tall else matrix
    ours = orthogonalise(scale * matrix)
    u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
    values = torch.linalg.svdvals(ours)
    assert ours.shape == matrix.shape
    assert values.min() > 0.6 and values.max() < 1.3, "the coefficients' fixed band"
    polar = u @ vt
    assert torch.cosine_similarity(ours.flatten(), polar.flatten(), dim=0) > 0.97


def test_orthogonalise_of_the_transpose_is_the_transpose() -> None:
    matrix = gaussian(5, 9, 0)
    torch.testing.assert_close(orthogonalise(matrix.T), orthogonalise(matrix).T)


def test_orthogonalise_of_nothing_is_nothing() -> None:
    assert not orthogonalise(torch.zeros(3, 4)).any()


class Net(nn.Module):
    """Two matrices, a bias, a convolution, and names that Muon leaves to AdamW."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(7, 8)
        self.conv = nn.Conv1d(8, 8, 1)
        self.inner = nn.Linear(8, 16)
        self.back = nn.Linear(16, 8, bias=False)
        self.head = nn.Linear(8, 7)

    def loss(self, step: int) -> torch.Tensor:
        """A batch that depends on the step."""
        x = torch.arange(7).roll(step)
        hidden = self.conv(self.embed(x).T[None])[0].T
        hidden = hidden + self.back(torch.relu(self.inner(hidden)))
        return nn.functional.cross_entropy(self.head(hidden), (x + 1) % 7)


def train(net: Net, optimiser: torch.optim.Optimizer, steps: range) -> list[float]:
    """Losses of some steps."""
    losses = []
    for step in steps:
        optimiser.zero_grad()
        loss = net.loss(step)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_matrices_are_told_from_the_rest() -> None:
    net = Net()
    groups = {g["matrices"]: g for g in Muon(net, lr=0.1, matrix_lr=0.2).param_groups}
    names = {id(p): n for n, p in net.named_parameters()}
    assert {names[id(p)] for p in groups[True]["params"]} == {"inner.weight", "back.weight"}
    assert {names[id(p)] for p in groups[False]["params"]} == set(names.values()) - {"inner.weight", "back.weight"}
    assert (groups[True]["lr"], groups[False]["lr"]) == (0.2, 0.1)


def test_frozen_parameters_are_left_out() -> None:
    net = Net()
    net.inner.requires_grad_(False)
    held = {id(p) for g in Muon(net, 0.1, 0.1).param_groups for p in g["params"]}
    assert held == {id(p) for p in net.parameters() if p.requires_grad}


def test_the_rest_is_torchs_adamw() -> None:
    ours, theirs = Net(), Net()
    for net in (ours, theirs):
        net.inner.requires_grad_(False)
        net.back.requires_grad_(False)
    free = [p for p in theirs.parameters() if p.requires_grad]
    reference = torch.optim.AdamW(free, lr=0.01, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.05)
    train(ours, Muon(ours, lr=0.01, matrix_lr=9.0), range(12))
    train(theirs, reference, range(12))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_the_first_step_of_a_matrix_is_its_orthogonal_gradient() -> None:
    net = nn.Linear(12, 4, bias=False)
    before = net.weight.detach().clone()
    net.weight.grad = gaussian(4, 12, 1)
    Muon(net, lr=9.0, matrix_lr=0.1, weight_decay=0.5).step()
    update = (before * (1 - 0.1 * 0.5) - net.weight.detach()) / 0.1
    torch.testing.assert_close(update, 0.2 * 12**0.5 * orthogonalise(gaussian(4, 12, 1)), rtol=1e-3, atol=1e-4)


def test_the_momentum_of_a_matrix_is_nesterovs() -> None:
    net = nn.Linear(12, 4, bias=False)
    optimiser = Muon(net, lr=9.0, matrix_lr=0.1, weight_decay=0.0)
    momentum = torch.zeros(4, 12)
    for seed in range(3):
        before, gradient = net.weight.detach().clone(), gaussian(4, 12, seed)
        net.weight.grad = gradient.clone()
        optimiser.step()
        momentum = 0.95 * momentum + 0.05 * gradient
        expected = 0.2 * 12**0.5 * orthogonalise(0.05 * gradient + 0.95 * momentum)
        torch.testing.assert_close((before - net.weight.detach()) / 0.1, expected, rtol=1e-3, atol=1e-4)


def test_what_has_no_gradient_stays() -> None:
    net = Net()
    before = net.head.weight.detach().clone()
    net.inner.weight.grad = torch.ones_like(net.inner.weight)
    Muon(net, 0.1, 0.1).step()
    assert torch.equal(net.head.weight, before)


@pytest.mark.parametrize("shape", [(6, 6), (4, 12), (12, 4)])
def test_a_quadratic_falls(shape: tuple[int, int]) -> None:
    net = nn.Linear(*reversed(shape), bias=False)
    target = gaussian(*shape, seed=3)
    optimiser = Muon(net, lr=0.1, matrix_lr=0.2, weight_decay=0.0)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (net.weight - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_a_network_learns() -> None:
    net = Net()
    losses = train(net, Muon(net, lr=0.02, matrix_lr=0.02), range(80))
    assert sum(losses[-7:]) < 0.2 * sum(losses[:7])


def test_training_resumes_bit_by_bit() -> None:
    whole = Net()
    optimiser = Muon(whole, 0.01, 0.02)
    train(whole, optimiser, range(5))
    stopped = copy.deepcopy(whole)
    file = io.BytesIO()
    torch.save(optimiser.state_dict(), file)
    file.seek(0)
    again = Muon(stopped, 9.0, 9.0)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert train(stopped, again, range(5, 10)) == train(whole, optimiser, range(5, 10))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), stopped.parameters(), strict=True))
