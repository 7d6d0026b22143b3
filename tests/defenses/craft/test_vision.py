"""Features of the tower alone: the language model does not run, and gradients reach the pixels."""

import numpy as np
import pytest
import torch

from bench.lvlm.base import LVLM
from bench.samples import Sample, SampleSet
from defenses.craft.levels import to_levels
from defenses.craft.vision import compute_features, tower_features


@pytest.fixture
def images() -> list[torch.Tensor]:
    """Three pictures of one size."""
    rng = np.random.default_rng(0)
    return [torch.from_numpy(rng.integers(0, 256, (3, 40, 60))).float() for _ in range(3)]


def direct_features(lvlm: LVLM, images: list[torch.Tensor]) -> torch.Tensor:
    """Return the features by the model's own method, averaged picture by picture."""
    means = []
    for image in images:
        out = lvlm.model.model.get_image_features(**lvlm.pixel_values([image])).last_hidden_state
        means.append(out.reshape(-1, out.shape[-1]).mean(0))
    return torch.stack(means)


def test_features_are_the_means_of_the_towers_output(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    torch.testing.assert_close(tower_features(lvlm, images), direct_features(lvlm, images), rtol=1e-3, atol=1e-4)


def test_the_language_model_is_not_run(lvlm: LVLM, images: list[torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    handle = lvlm.model.lm_head.register_forward_hook(lambda *_: ran.append(1))
    layers = [m for m in lvlm.model.modules() if type(m).__name__.endswith("TextDecoderLayer")]
    others = [layer.register_forward_hook(lambda *_: ran.append(2)) for layer in layers]
    tower_features(lvlm, images)
    for hook in (handle, *others):
        hook.remove()
    assert not ran
    tower = lvlm.model.get_submodule(lvlm.tower)
    assert not tower._forward_hooks, "nothing stays behind"


def test_each_pixel_matters_to_its_own_picture_alone(lvlm: LVLM, images: list[torch.Tensor]) -> None:
    leaves = [image.clone().requires_grad_(True) for image in images]
    gradients = torch.autograd.grad(tower_features(lvlm, leaves)[1].sum(), leaves, allow_unused=True)
    sums = [0.0 if g is None else float(g.abs().sum()) for g in gradients]
    assert sums[1] > 0 and sums[0] == sums[2] == 0


def test_pictures_of_mixed_sizes_are_kept_in_order(lvlm: LVLM) -> None:
    rng = np.random.default_rng(1)
    sizes = [(40, 60), (30, 30), (40, 60), (64, 48)]
    pixels = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    rows = [Sample(f"{i}", f"p{i}", picture, "", "") for i, picture in enumerate(pixels)]
    found = compute_features(SampleSet((*rows, rows[0])), lvlm, batch=1)
    assert list(found) == ["p0", "p1", "p2", "p3"]
    for row in rows:
        alone = tower_features(lvlm, [to_levels(row.pixels)])[0]
        torch.testing.assert_close(found[row.image_id], alone, rtol=1e-3, atol=1e-4)
