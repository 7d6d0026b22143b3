"""The artefacts of a run are read with distrust."""

import json
from pathlib import Path

import pytest

from bench.tables.artefacts import find_artefact, load_log, load_samples

STAGES = {name: str(digit) * 16 for digit, name in enumerate(
    ["original", "protect", "audit", "attack", "evaluate", "zero", "clean"]
)}  # fmt: skip


def test_artefacts_are_found_by_role(home: Path) -> None:
    assert {role for role in STAGES if find_artefact(STAGES, role)} == set(STAGES) - {"audit"}
    more = {"zero@photos": STAGES["zero"], "validation@2": STAGES["clean"], "evaluate@2": "9" * 16}
    assert [role for role in more if find_artefact(more, role)] == ["zero@photos", "validation@2"]


@pytest.mark.parametrize(
    "name", ["", "..", "../protect/" + "1" * 16, "1" * 15, "1" * 17, "A" * 16, "1" * 16 + "\n", 7, None]
)
def test_a_text_that_is_no_identity_names_nothing(home: Path, name: object) -> None:
    assert find_artefact({"protect": name}, "protect") is None  # type: ignore[dict-item]


def test_samples_and_broken_samples(home: Path) -> None:
    assert [s.id for s in load_samples(STAGES, "protect") or ()] == ["s0", "s1"]
    (home / "artifacts" / "protect" / STAGES["original"] / "images" / "p0.png").write_bytes(b"no picture")
    assert load_samples(STAGES, "original") is None


def test_a_picture_outside_the_artefact_is_refused(home: Path) -> None:
    row = {"file_name": "../x.png", "id": "s0", "question": "q", "answer": "a"}
    (home / "artifacts" / "protect" / STAGES["protect"] / "metadata.jsonl").write_text(json.dumps(row))
    assert load_samples(STAGES, "protect") is None


def test_logs_are_lists_or_histories(home: Path) -> None:
    attack = load_log(STAGES, "attack")
    assert attack is not None
    assert attack["loss"].to_dict() == {10: 4.0, 20: 2.0}
    assert attack["validation"].dropna().to_dict() == {20: 0.5}
    protect = load_log(STAGES, "protect")
    assert protect is not None
    assert list(protect.columns) == ["inner", "outer"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "7", '"x"', '[{"loss": 1}]', '[{"step": 1}]', '{"history": []}', "[["]
)
def test_a_log_without_a_curve(home: Path, text: str) -> None:
    (home / "artifacts" / "attack" / STAGES["attack"] / "curve.json").write_text(text)
    assert load_log(STAGES, "attack") is None
