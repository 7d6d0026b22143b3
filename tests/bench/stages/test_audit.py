"""What the audit measures and what it refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import metrics

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.spec import Budget, Method, RunSpec
from bench.stages import protect
from bench.stages.audit import CHECKS, audit, structural_similarity
from bench.stages.audit import stage as audit_stage

GRAY = np.full((32, 32, 3), 100, np.uint8)
CLEAN = SampleSet((Sample("a", "a", GRAY, "What is this?", "cat"), Sample("b", "b", GRAY, "Name it.", "dog")))
SPEC = RunSpec(dataset="emoji_smoke", victim="tiny-llava-a", defense=Method(name="none"), attack=Method(name="none"))


def changed(**fields: object) -> SampleSet:
    return SampleSet((replace(CLEAN[0], **fields), CLEAN[1]))


def test_nothing_changed() -> None:
    report = audit(CLEAN, CLEAN, Budget(epsilon=0, words=0))
    assert report == {"linf": 0, "psnr": None, "words": 0, "ssim": 1.0, "perceptual": 0.0, "edit_distance": 0.0}


def test_noise_is_measured_in_levels_and_decibels() -> None:
    report = audit(CLEAN, changed(pixels=GRAY + np.uint8(8)), Budget())
    assert report["linf"] == 8
    assert report["psnr"] == pytest.approx(20 * np.log10(255 / 8), abs=0.01)
    assert report["perceptual"] > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pixels": GRAY + np.uint8(9)}, "9 levels; allowed: 8"),
        ({"pixels": GRAY - np.uint8(9)}, "9 levels; allowed: 8"),
        ({"question": "one two three four five six What is this?"}, "6 words inserted"),
        ({"question": "What is that?"}, "inserted words only"),
        ({"question": "is What this?"}, "inserted words only"),
        ({"question": "What\u2003is this?"}, "inserted words only"),
        ({"question": "What is this? </s>"}, "inserted words only"),
        ({"answer": "dog"}, "1 answers changed"),
        ({"answers": ("cat", "dog")}, "1 answers changed"),
        ({"choices": ("cat", "dog")}, "1 choices changed"),
        ({"rule": "vqa"}, "1 rules changed"),
        ({"pixels": GRAY[:16]}, "allowed: (32, 32, 3) uint8"),
        ({"pixels": GRAY.astype(np.float32)}, "float32"),
    ],
)
def test_refuses(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as error:
        audit(CLEAN, changed(**fields), Budget())
    assert message in str(error.value)


def test_a_control_may_change_answers_and_they_are_counted() -> None:
    wrong = changed(answer="dog")
    assert audit(CLEAN, wrong, Budget(), control=True)["answers"] == 1
    assert "answers" not in audit(CLEAN, CLEAN, Budget(), control=True)
    with pytest.raises(UserError, match="ids or order changed"):
        audit(CLEAN, SampleSet(wrong.samples[::-1]), Budget(), control=True)


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 9), (9, 2), (2, 2), (3, 3), (4, 40), (5, 5), (6, 6), (6, 1), (7, 7), (8, 32)]
)
def test_pictures_of_every_size_are_measured(size: tuple[int, int]) -> None:
    """A window of seven pixels does not fit into a small one."""
    clean = np.random.default_rng(0).integers(50, 200, (*size, 3), np.uint8)
    sample = Sample("a", "a", clean, "What is this?", "cat")

    def report(pixels: np.ndarray, budget: int = 255) -> dict[str, float]:
        return audit(SampleSet((sample,)), SampleSet((replace(sample, pixels=pixels),)), Budget(epsilon=budget))

    assert report(clean)["ssim"] == 1
    little, much = report(clean + np.uint8(4), 4), report(clean + np.uint8(40))
    assert 0 < much["ssim"] < little["ssim"] < 1
    assert (little["linf"], much["linf"]) == (4, 40)
    assert report(clean + np.uint8(8))["psnr"] == pytest.approx(20 * np.log10(255 / 8), abs=0.01)


@given(st.tuples(st.integers(1, 12), st.integers(1, 12)), st.integers(0, 2**32 - 1))
def test_similarity_does_not_depend_on_which_side_is_short(size: tuple[int, int], seed: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 256, (2, *size, 3), np.uint8)
    found = structural_similarity(a, b)
    assert -1 <= found <= 1
    assert structural_similarity(b, a) == pytest.approx(found)
    assert structural_similarity(a.swapaxes(0, 1), b.swapaxes(0, 1)) == pytest.approx(found)
    if min(size) >= 7:
        assert found == metrics.structural_similarity(a, b, channel_axis=2, data_range=255), "the usual one, to the bit"


def test_a_release_is_judged_as_it_is_read_from_its_files(tmp_path: Path) -> None:
    """Text and pictures that are written and read are those that a defense made, also the refused ones."""
    changed(question="lake What is this?").save(tmp_path / "fair")
    assert audit(CLEAN, SampleSet.load(tmp_path / "fair"), Budget())["words"] == 1
    changed(question="What is this?\u3000", answers=("cat",)).save(tmp_path / "marked")
    with pytest.raises(UserError, match="1 answers changed"):
        audit(CLEAN, SampleSet.load(tmp_path / "marked"), Budget())
    with pytest.raises(UserError, match=r"its end changed from '' to '\\u3000'"):
        audit(CLEAN, SampleSet.load(tmp_path / "marked"), Budget(), control=True)


def test_a_data_set_without_samples_is_refused() -> None:
    with pytest.raises(UserError, match="no samples"):
        audit(SampleSet(()), SampleSet(()), Budget())


def test_a_release_that_older_checks_passed_is_audited_again(monkeypatch: pytest.MonkeyPatch) -> None:
    release = protect.stage(SPEC)
    before = audit_stage(SPEC, release).identity
    monkeypatch.setattr("bench.stages.audit.CHECKS", CHECKS + 1)
    assert audit_stage(SPEC, release).identity != before
