"""Artefacts are read with distrust."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leaderboard import files

STAGES = {name: str(digit) * 16 for digit, name in enumerate(
    ["original", "protect", "audit", "attack", "evaluate", "zero", "clean"]
)}  # fmt: skip


def test_present(home: Path) -> None:
    assert {key for key in STAGES if files.present(STAGES, key)} == set(STAGES) - {"audit"}
    more = {"zero@photos": STAGES["zero"], "validation@2": STAGES["clean"], "evaluate@2": "9" * 16}
    assert [key for key in more if files.present(more, key)] == ["zero@photos", "validation@2"]


@pytest.mark.parametrize(
    "name", ["", "..", "../protect/" + "1" * 16, "1" * 15, "1" * 17, "A" * 16, "1" * 16 + "\n", 7, None]
)
def test_an_identity_that_is_none_names_nothing(home: Path, name: object) -> None:
    assert files.present({"protect": name}, "protect") is None  # type: ignore[dict-item]


def test_samples_and_broken_samples(home: Path) -> None:
    assert [s.id for s in files.samples(STAGES, "protect") or ()] == ["s0", "s1"]
    (home / "artifacts" / "protect" / STAGES["original"] / "images" / "p0.png").write_bytes(b"no picture")
    assert files.samples(STAGES, "original") is None


def test_a_picture_outside_the_artefact_is_refused(home: Path) -> None:
    row = {"file_name": "../x.png", "id": "s0", "question": "q", "answer": "a"}
    (home / "artifacts" / "protect" / STAGES["protect"] / "metadata.jsonl").write_text(json.dumps(row))
    assert files.samples(STAGES, "protect") is None


def test_curves(home: Path) -> None:
    attack = files.curve(STAGES, "attack", "curve.json", "step")
    assert attack is not None
    assert attack["loss"].to_dict() == {10: 4.0, 20: 2.0}
    assert attack["validation"].dropna().to_dict() == {20: 0.5}
    protect = files.curve(STAGES, "protect", "log.json", "round")
    assert protect is not None
    assert list(protect.columns) == ["inner", "outer"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "7", '"x"', '[{"loss": 1}]', '[{"step": 1}]', '{"history": []}', "[["]
)
def test_a_log_without_a_curve(home: Path, text: str) -> None:
    (home / "artifacts" / "attack" / STAGES["attack"] / "curve.json").write_text(text)
    assert files.curve(STAGES, "attack", "curve.json", "step") is None


def test_answers_are_joined_by_item(home: Path) -> None:
    table, missing = files.answers(STAGES)
    assert missing == []
    assert table is not None
    assert table.loc["b", ["target", "zero-shot", "clean", "protected"]].tolist() == ["pear", "cat", "pear", "cat"]
    assert table[table["clean score"] > table["protected score"]].index.tolist() == ["b"]


def test_missing_and_foreign_answers(home: Path) -> None:
    folder = home / "artifacts" / "evaluate"
    (folder / STAGES["zero"] / "predictions.parquet").write_bytes(b"PAR1")
    pd.DataFrame({"id": ["a"]}).to_parquet(folder / STAGES["clean"] / "predictions.parquet")
    assert files.answers(STAGES) == (None, ["zero-shot", "clean"])


def test_repeated_items_are_shown_once(home: Path) -> None:
    file = home / "artifacts" / "evaluate" / STAGES["clean"] / "predictions.parquet"
    table = pd.read_parquet(file)
    pd.concat([table, table]).to_parquet(file)
    joined, _ = files.answers(STAGES)
    assert joined is not None
    assert joined.index.tolist() == ["a", "b", "c"]


def test_difference_is_tenfold_around_gray_and_does_not_wrap() -> None:
    original = np.array([[[100, 100, 0]]], np.uint8)
    released = np.array([[[101, 92, 255]]], np.uint8)
    assert files.difference(original, released).tolist() == [[[138, 48, 255]]]
    assert files.difference(original, original).tolist() == [[[128] * 3]]


def test_magnify_repeats_whole_pixels() -> None:
    small = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    large = files.magnify(small)
    assert large.shape == (384, 288, 3)
    assert (large[::48, ::48] == small).all()
    assert files.magnify(np.zeros((500, 20, 3), np.uint8)).shape == (500, 20, 3)


@pytest.mark.parametrize(
    ("original", "released", "expected"),
    [
        ("what is this", "what is this", "what is this"),
        ("what is", "oh what really is now", "<mark>oh</mark> what <mark>really</mark> is <mark>now</mark>"),
        ("is it", "is is it", "is <mark>is</mark> it"),
        ("", "new", "<mark>new</mark>"),
        ("a <b> c", "a <i> <b> c", "a <mark>&lt;i&gt;</mark> &lt;b&gt; c"),
        ("x", '"><script>alert(1)</script> x', '<mark>&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</mark> x'),
    ],
)  # fmt: skip
def test_highlight(original: str, released: str, expected: str) -> None:
    assert files.highlight(original, released) == expected
