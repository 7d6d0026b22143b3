"""The text on a tag can be read. It is drawn from committed strips, without a font."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont
from skimage.feature import match_template

from bench.datasets.tags.render import BOXES, SIZE, TAG, render, strips
from bench.datasets.tags.vocabulary import VOCABULARY, lines

TEXTS = [lines(kind, answer) for kind, answers in VOCABULARY.items() for answer in answers]
seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from(TEXTS))
@settings(max_examples=30, deadline=None)
def test_a_tag_is_a_function_of_its_text_and_seed(seed: int, text: tuple[str, ...]) -> None:
    one, again, other = (render(text, np.random.default_rng(s)) for s in (seed, seed, seed + 1))
    assert one.shape == (SIZE, SIZE, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_no_font_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise AssertionError("a font was loaded")

    strips.cache_clear()
    monkeypatch.setattr(ImageFont, "truetype", none)
    monkeypatch.setattr(ImageFont, "load_default", none)
    assert render(("open",), np.random.default_rng(0)).std() > 20


def test_every_line_has_a_strip_cropped_to_its_ink() -> None:
    assert set(strips()) == {line for text in TEXTS for line in text}
    for text, strip in strips().items():
        ink = np.asarray(strip) > 128
        assert all(side.any() for side in (ink[:3], ink[-3:], ink[:, :12], ink[:, -12:])), text
        assert 0.1 < ink.mean() < 0.8
        assert strip.height < 100


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_the_text_can_be_read_by_its_shape(seed: int) -> None:
    """The nearest of all tags, over places, sizes and tilts, is the one that was drawn."""
    rng = np.random.default_rng(seed)
    text = TEXTS[rng.integers(len(TEXTS))]
    ink = 255 - render(text, rng).min(axis=2).astype(float)
    scores = {other: best(ink, shape(other)) for other in TEXTS}
    assert max(scores, key=lambda other: scores[other]) == text


def shape(texts: tuple[str, ...]) -> np.ndarray:
    """The coverage of a tag's text where it lies straight in the middle, (44, 58) in 0..1, drawn independently."""
    width, height = TAG
    whole = Image.new("L", TAG)
    for text, (left, top, w, h) in zip(texts, BOXES[len(texts)], strict=True):
        fitted = strips()[text].copy()
        scale = min(w / fitted.width, h / fitted.height)
        fitted = fitted.resize((round(fitted.width * scale), round(fitted.height * scale)))
        whole.paste(fitted, (left + (w - fitted.width) // 2, top + (h - fitted.height) // 2))
    assert whole.size == (width, height)
    return np.asarray(whole) / 255


def best(ink: np.ndarray, text: np.ndarray) -> float:
    """The largest normalised correlation of the two over places, sizes and tilts of the tag."""
    picture, around = np.pad(ink, 8, mode="edge"), Image.fromarray(text.astype(np.float32))
    result = []
    for scale in (0.92, 0.98):
        size = (round(TAG[0] * scale), round(TAG[1] * scale))
        for tilt in (-3, 0, 3):
            turned = around.resize(size).rotate(tilt, Image.Resampling.BICUBIC)
            result.append(match_template(picture, np.asarray(turned)).max())
    return float(max(result))
