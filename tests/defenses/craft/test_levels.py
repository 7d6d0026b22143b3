"""The pictures and perturbations of a draft cost bounded memory and are what they would be without a bound."""

import numpy as np
import pytest
import torch

import bench.lazy
from bench.lazy import Picture
from bench.lvlm.base import LVLM
from bench.progress import silent
from bench.samples import SampleSet
from bench.spec import Budget, Method
from defenses import REGISTRY
from defenses.craft.levels import CleanPictures, Perturbations, to_levels

CPU = torch.device("cpu")
QUICK = {"rounds": 2, "image_steps": 2, "inner_steps": 1, "batch": 2}


def test_clean_pictures_are_levels_and_have_sizes(samples: SampleSet) -> None:
    wide = samples[0].change(image_id="wide", pixels=np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    pictures = CleanPictures(SampleSet((*samples[:2], wide)), CPU)
    assert list(pictures) == [samples[0].image_id, samples[1].image_id, "wide"]
    assert pictures.size("wide") == (4, 5)
    assert pictures["wide"].dtype == torch.float32 and pictures["wide"][2, 3, 4] == wide.pixels[3, 4, 2]


@pytest.mark.parametrize("limit", [0, 2**20])
def test_a_perturbation_is_what_was_assigned(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.lazy.Spool.__init__, "__defaults__", (limit,))
    perturbations = Perturbations(CPU)
    first = to_levels(np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8))
    perturbations[7], perturbations[3] = first - 255, -first
    perturbations[7] += 90
    assert list(perturbations) == [7, 3]
    assert perturbations[7].equal(first - 165) and perturbations[3].equal(-first)


@pytest.mark.parametrize("name", ["em", "em_class", "random_noise"])
def test_a_release_whose_arrays_are_in_files_is_the_same(
    name: str, llava: LVLM, samples: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = SampleSet(samples[:4])

    def protect() -> SampleSet:
        defense = REGISTRY.build(Method(name=name, options={} if name == "random_noise" else QUICK))
        return defense.protect(four, [llava], Budget(), np.random.default_rng(1), silent).samples

    whole = protect()
    monkeypatch.setattr(bench.lazy.Spool.__init__, "__defaults__", (0,))
    monkeypatch.setattr(bench.lazy.PictureCache.__init__, "__defaults__", (1,))
    spooled = protect()
    assert all(isinstance(s.picture, Picture) for s in spooled) and not isinstance(whole[0].picture, Picture)
    assert spooled.digest == whole.digest != four.digest
