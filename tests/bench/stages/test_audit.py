"""What the audit measures and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.samples import Sample, SampleSet
from bench.spec import Budget
from bench.stages.audit import audit, insertions
from bench.words import insert

GRAY = np.full((32, 32, 3), 100, np.uint8)
CLEAN = SampleSet((Sample("a", "a", GRAY, "What is this?", "cat"), Sample("b", "b", GRAY, "Name it.", "dog")))
WORDS = st.lists(st.text("abcXYZ?'", min_size=1, max_size=6), max_size=6)


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
        ({"answer": "dog"}, "answers changed"),
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


@given(question=WORDS, words=WORDS, data=st.data())
def test_every_insertion_is_found(question: list[str], words: list[str], data: st.DataObject) -> None:
    slots = sorted(data.draw(st.lists(st.integers(0, len(question)), min_size=len(words), max_size=len(words))))
    made = insert(" ".join(question), words, slots)
    found = insertions(" ".join(question), made.text)
    assert len(found[0]) == len(words)
    assert insert(" ".join(question), *found).text == made.text, "found where it was put, up to equal words"
    assert [made.text[a:b] for a, b in made.spans] == words
