"""A sample set is written and read without loss, has a digest of all its content, and refuses hostile folders."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import bench.pictures
from bench.errors import UserError
from bench.samples import Rule, Sample, SampleSet

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30)
several = st.lists(texts, max_size=3).map(tuple)
rules = st.sampled_from(get_args(Rule))
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def sample_sets(draw: st.DrawFn) -> SampleSet:
    """Up to four samples over up to two pictures."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels = [rng.integers(0, 256, (*draw(sizes), 3), dtype=np.uint8) for _ in range(2)]
    owners = draw(st.lists(st.integers(0, 1), min_size=1, max_size=4))
    return SampleSet(
        tuple(
            Sample(f"s{i}", f"p.{k}", pixels[k], draw(texts), draw(texts), draw(several), draw(several), draw(rules))
            for i, k in enumerate(owners)
        )
    )


def assert_same(one: SampleSet, other: SampleSet) -> None:
    """Every field of every sample."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert replace(a, pixels=None) == replace(b, pixels=None)
        assert b.pixels.dtype == np.uint8
        np.testing.assert_array_equal(a.pixels, b.pixels)


@pytest.fixture
def one() -> SampleSet:
    """A set of two samples over two pictures."""
    rng = np.random.default_rng(0)
    pictures = (rng.integers(0, 256, (5, 4, 3), dtype=np.uint8) for _ in range(2))
    return SampleSet(tuple(Sample(f"s{i}", f"p{i}", p, f"What {i}?", "cat") for i, p in enumerate(pictures)))


@pytest.mark.parametrize("image_id", ["../p", "/p", "", ".p", "a/b", "p\x00", "p" * 129])
def test_a_picture_whose_id_is_no_file_name_is_not_saved(one: SampleSet, tmp_path: Path, image_id: str) -> None:
    with pytest.raises(UserError, match=r"image_id: .*allowed: letters"):
        SampleSet((one[0], replace(one[1], image_id=image_id))).save(tmp_path / "set")
    assert not list(tmp_path.iterdir())


@given(sample_sets())
@settings(max_examples=25)
def test_what_is_saved_is_read_again(samples: SampleSet) -> None:
    with tempfile.TemporaryDirectory() as folder:
        samples.save(Path(folder) / "set")
        again = SampleSet.load(Path(folder) / "set")
    assert_same(samples, again)
    assert again.digest == samples.digest


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb\t", "a\u0085b", "a\u2028b", "a\u2029b", "a\x1cb", '"\\{}', "é漢🐈"])
def test_texts_with_any_line_separator_are_read_again(one: SampleSet, tmp_path: Path, text: str) -> None:
    samples = SampleSet((replace(one[0], question=text, answer=text), one[1]))
    samples.save(tmp_path / "set")
    assert_same(samples, SampleSet.load(tmp_path / "set"))


def test_the_folder_is_a_hugging_face_image_folder(one: SampleSet, tmp_path: Path) -> None:
    one.save(tmp_path / "set")
    rows = load_dataset("imagefolder", data_dir=str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"), split="train")
    assert list(rows["question"]) == ["What 0?", "What 1?"]
    for row, sample in zip(rows, one, strict=True):
        np.testing.assert_array_equal(np.asarray(row["image"]), sample.pixels)


def test_as_a_dataset(one: SampleSet) -> None:
    rows = one.to_dataset()
    assert set(rows.column_names) == {"id", "image_id", "image", "question", "answer", "answers", "choices", "rule"}
    assert list(rows["id"]) == ["s0", "s1"]
    np.testing.assert_array_equal(np.asarray(rows[1]["image"]), one[1].pixels)


@given(sample_sets(), st.data())
def test_the_digest_changes_with_any_change(samples: SampleSet, data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(samples) - 1))
    sample = samples[i]
    pixels = sample.pixels.copy()
    place = tuple(data.draw(st.integers(0, side - 1)) for side in pixels.shape)
    pixels[place] ^= 1
    changed = [
        replace(sample, id=sample.id + "x"),
        replace(sample, image_id=sample.image_id + "x"),
        replace(sample, question=sample.question + " "),
        replace(sample, answer=sample.answer + " "),
        replace(sample, answers=(*sample.answers, "x")),
        replace(sample, choices=(*sample.choices, "x")),
        replace(sample, rule="vqa" if sample.rule != "vqa" else "anls"),
        replace(sample, question=sample.question + "x", answer="x" + sample.answer),
        replace(sample, pixels=pixels),
        replace(sample, pixels=sample.pixels.reshape(1, -1, 3)) if len(pixels) > 1 else replace(sample, id=""),
    ]
    sets = [SampleSet((*samples.samples[:i], c, *samples.samples[i + 1 :])) for c in changed]
    sets += [samples, SampleSet(samples.samples[1:]), SampleSet((*samples.samples, sample))]
    sets += [SampleSet(samples.samples[::-1])] if len(samples) > 1 else []
    assert len({s.digest for s in sets}) == len(sets)


def test_the_digest_does_not_depend_on_memory_layout(one: SampleSet) -> None:
    turned = np.asfortranarray(one[0].pixels)
    assert not turned.flags.c_contiguous
    assert SampleSet((replace(one[0], pixels=turned), one[1])).digest == one.digest


def test_a_release_keeps_identity_and_answer(one: SampleSet) -> None:
    released = one[0].with_release(one[1].pixels, "Other?")
    assert (released.id, released.image_id, released.answer) == ("s0", "p0", "cat")
    assert released.question == "Other?"
    assert released.pixels is one[1].pixels
    assert one[0].question == "What 0?"


def _point(folder: Path, name: str) -> None:
    row = {"file_name": name, "id": "s", "question": "q", "answer": "a"}
    (folder / "metadata.jsonl").write_text(json.dumps(row) + "\n")


@pytest.mark.parametrize("kind", ["relative", "absolute", "link"])
def test_a_picture_outside_the_folder_is_refused(one: SampleSet, tmp_path: Path, kind: str) -> None:
    folder, secret = tmp_path / "set", tmp_path / "secret.png"
    one.save(folder)
    Image.fromarray(one[0].pixels).save(secret)
    (folder / "images" / "link.png").symlink_to(secret)
    name = {"relative": "images/../../secret.png", "absolute": str(secret), "link": "images/link.png"}[kind]
    _point(folder, name)
    with pytest.raises(UserError, match="leaves the folder"):
        SampleSet.load(folder)


def test_a_folder_whose_name_starts_like_the_sets_is_outside(one: SampleSet, tmp_path: Path) -> None:
    one.save(tmp_path / "set")
    one.save(tmp_path / "set-other")
    _point(tmp_path / "set", "../set-other/images/p0.png")
    with pytest.raises(UserError, match="leaves the folder"):
        SampleSet.load(tmp_path / "set")


def test_a_huge_picture_is_refused_before_it_is_decoded(
    one: SampleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.save(tmp_path / "set")
    monkeypatch.setattr(bench.pictures, "MAX_PIXELS", 20)
    SampleSet.load(tmp_path / "set")
    monkeypatch.setattr(bench.pictures, "MAX_PIXELS", 19)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(UserError, match=r"p0.png: 4x5 pixels; allowed: 19"):
        SampleSet.load(tmp_path / "set")


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "LA"])
def test_a_picture_that_is_not_rgb_is_refused(one: SampleSet, tmp_path: Path, mode: str) -> None:
    one.save(tmp_path / "set")
    Image.fromarray(one[0].pixels).convert(mode).save(tmp_path / "set" / "images" / "p0.png")
    with pytest.raises(UserError, match=rf"p0.png: mode {mode}; allowed: RGB"):
        SampleSet.load(tmp_path / "set")


def test_pictures_of_one_stem_in_two_folders_are_not_mixed_up(one: SampleSet, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    one.save(folder)
    (folder / "more").mkdir()
    (folder / "images" / "p1.png").rename(folder / "more" / "p0.png")
    text = (folder / "metadata.jsonl").read_text().replace("images/p1.png", "more/p0.png")
    (folder / "metadata.jsonl").write_text(text)
    try:
        loaded = SampleSet.load(folder)
    except UserError:
        return
    np.testing.assert_array_equal(loaded[1].pixels, one[1].pixels)
