"""Texts come back in the form in which they came in, and `audit` finds nothing else changed."""

import json
from pathlib import Path

import pytest
from datasets import load_from_disk

from bench.datasets.own.formats import open_dataset
from bench.datasets.own.rows import RawRow
from bench.owner.audit import audit
from bench.owner.methods import Part
from bench.owner.protect import protect
from bench.spec import Budget
from tests.bench.owner import files, forms
from tests.bench.owner.conftest import JobMaker


def copy_of(source: Path, target: Path) -> Path:
    """The protected copy of a folder or of a file."""
    return target if source.is_dir() else target / source.name


@pytest.mark.parametrize("form", forms.FORMS)
def test_words_are_inserted_into_every_form(form: str, tmp_path: Path, job: JobMaker) -> None:
    source, target = forms.FORMS[form](tmp_path / "mine"), tmp_path / "out"
    protect(source, target, job("random_trigger", part=Part(0, 3), chunk=100))
    report = audit(source, copy_of(source, target), Budget())
    assert report["faults"] == [] and report["left_out"] == [] and audit(source, target, Budget()) == report
    assert (report["words"], report["linf"], report["unchanged"]) == (3, 0, report["pictures"])
    before, after = (list(open_dataset(path).rows()) for path in (source, copy_of(source, target)))
    for old, new in zip(before, after, strict=True):
        assert isinstance(old, RawRow) and isinstance(new, RawRow) and list(old.cells) == list(new.cells)
        same = {"file_name", "answer", "answers", "choices", "id", "split"} & set(old.cells)
        assert {key: old.cells[key] for key in same} == {key: new.cells[key] for key in same}


@pytest.mark.parametrize("form", [*forms.FORMS, "coco"])
def test_pictures_are_protected_in_every_form(form: str, tmp_path: Path, job: JobMaker) -> None:
    source, target = getattr(forms, form)(tmp_path / "mine"), tmp_path / "out"
    protect(source, target, job(chunk=5))
    report = audit(source, copy_of(source, target), Budget(words=0))
    assert report["faults"] == [] and report["left_out"] == []
    assert (report["pictures"], report["unchanged"], report["linf"]) == (12, 0, 8)


def test_a_saved_data_set_opens_with_its_library(tmp_path: Path, job: JobMaker) -> None:
    source = forms.saved_splits(tmp_path / "mine")
    protect(source, tmp_path / "out", job())
    before, after = load_from_disk(source), load_from_disk(tmp_path / "out")
    assert before["test"].features == after["test"].features and len(after["train"]) == 6
    assert after["test"][0]["image"].size == before["test"][0]["image"].size


def test_captions_keep_everything_else_and_lose_what_is_left_out(tmp_path: Path, job: JobMaker) -> None:
    source = forms.coco(tmp_path / "mine")
    (source.parent / "images" / forms.NAMES[4]).write_bytes(b"")
    report = protect(source, tmp_path / "out", job())
    before, after = (json.loads(file.read_text()) for file in (source, tmp_path / "out" / "captions.json"))
    assert [left["name"] for left in report["left_out"]] == ["captions.json, image 5"]
    left = [i for i in range(forms.COUNT) if i != 4]
    assert [image["id"] for image in after["images"]] == left and after["info"] == {}
    assert after["annotations"] == [note for note in before["annotations"] if note["image_id"] != 4]
    assert {image["file_name"] for image in after["images"]} == {f"{i}.png" for i in left}


def test_rows_that_cannot_be_used_are_left_out_and_named(source: Path, tmp_path: Path, job: JobMaker) -> None:
    rows = (source / "metadata.jsonl").read_text().splitlines()
    whole = files.encode(files.picture(seed=99), "PNG")
    files.write(source, {"images/cut.png": whole[: len(whole) // 2]})
    more = [
        {"file_name": "images/cut.png", "question": "q", "answer": "a"},
        {"file_name": "images/none.png", "caption": "c"},
    ]
    (source / "metadata.jsonl").write_text("\n".join([*rows, *map(json.dumps, more), "{"]) + "\n")
    report = protect(source, tmp_path / "out", job())
    named = {left["name"]: left["reason"] for left in report["left_out"]}
    assert "damaged" in named["images/cut.png"] and "no such file" in named["metadata.jsonl, row 15"]
    assert "no JSON" in named["metadata.jsonl, row 16"]
    assert len((tmp_path / "out" / "metadata.jsonl").read_text().splitlines()) == len(rows)


def test_captions_have_no_question_for_words(tmp_path: Path, job: JobMaker) -> None:
    """The picture is protected without any; words alone would protect nothing."""
    from bench.errors import UserError

    source = forms.coco(tmp_path / "mine")
    with pytest.raises(UserError, match="no question of its own"):
        protect(source, tmp_path / "out", job("random_trigger", part=Part(0, 3)))
