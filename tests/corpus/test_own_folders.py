"""Folders as people have them are read as they mean it, or refused in one line; never silently half."""

import json
from pathlib import Path

import pytest

from bench.datasets.own.contents import Contents, read_contents
from bench.datasets.own.files import locate
from tests.bench.datasets.own.conftest import PICTURES

TALL = 24


def folder(place: Path, lines: list[str], name: str = "metadata.jsonl") -> Path:
    """Write pictures and a table."""
    place.mkdir(parents=True)
    for number in range(len(lines)):
        (place / f"{number:02}.png").write_bytes(PICTURES[number])
    (place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def rows(**changes: object) -> list[dict[str, object]]:
    """Rows of the plainest kind; a change may be a function of the row's number."""
    made = []
    for number in range(TALL):
        row: dict[str, object] = {"file_name": f"{number:02}.png", "question": "What is it?", "answer": f"a {number}"}
        made.append(row | {key: value(number) if callable(value) else value for key, value in changes.items()})
    return made


def lines(**changes: object) -> list[str]:
    return [json.dumps({key: value for key, value in row.items() if value is not None}) for row in rows(**changes)]


def read(place: Path) -> Contents:
    return read_contents(locate(str(place)))


def answers(place: Path) -> set[str]:
    contents = read(place)
    assert not contents.bad
    return {draft.texts.answer for part in contents.drafts.values() for draft in part}


def turns(human: str, number: int) -> list[dict[str, str]]:
    return [{"from": "human", "value": human}, {"from": "gpt", "value": f"a {number}"}]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "a 3"),
        ({"answer": lambda n: n / 2}, "1.5"),
        ({"answer": lambda n: n}, "3"),
        ({"question": None, "answer": None, "conversations": lambda n: turns("<image>\nWhat is it?", n)}, "a 3"),
        ({"question": None, "answer": None, "conversations": lambda n: turns("What is it?\n<image>", n)}, "a 3"),
        ({"answers": lambda n: f"['a {n}', 'thing {n}']"}, "a 3"),
        ({"answers": lambda n: f'["a {n}", "thing {n}"]'}, "a 3"),
        ({"file_name": None, "images": lambda n: [f"{n:02}.png"]}, "a 3"),
    ],
)
def test_rows_of_a_form_that_people_have_are_read(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    found = answers(folder(tmp_path / "data", lines(**changes)))
    assert expected in found or len(found) > TALL // 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"question": "Is </s> there?"}, "special token"),
        ({"question": "An <image> or <image>?"}, "special token"),
        ({"answer": "<|im_end|>"}, "special token"),
        ({"question": None, "answer": None, "conversations": lambda n: turns("Hm?", n) * 2}, "allowed"),
        ({"file_name": None, "images": lambda n: [f"{n:02}.png", "00.png"]}, "allowed"),
    ],
)
def test_a_row_that_would_mean_two_things_is_a_fault_with_a_reason(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    contents = read(folder(tmp_path / "data", lines(**changes)))
    assert len(contents.bad) == TALL
    assert all(reason in line and "\n" not in line for line in contents.bad)


def test_a_key_that_stands_twice_is_a_fault(tmp_path: Path) -> None:
    text = [line[:-1] + ', "answer": "other"}' for line in lines()]
    contents = read(folder(tmp_path / "data", text))
    assert len(contents.bad) == TALL and "'answer' is there twice" in contents.bad[0]


@pytest.mark.parametrize("ending", [".tsv", ".csv"])
def test_tables_with_tabs_and_commas(tmp_path: Path, ending: str) -> None:
    mark = {".tsv": "\t", ".csv": ","}[ending]
    table = [mark.join(("file_name", "question", "answer")), *(mark.join(map(str, row.values())) for row in rows())]
    place = folder(tmp_path / "data", table, f"metadata{ending}")
    assert len(answers(place)) == TALL


@pytest.mark.parametrize(("name", "split"), [("val", "validation"), ("valid", "validation"), ("dev", "validation")])
def test_a_split_under_another_name_is_read_as_it(tmp_path: Path, name: str, split: str) -> None:
    place = tmp_path / "data"
    folder(place / "train", lines())
    folder(place / name, lines())
    for number in range(TALL):  # other pictures than those of train
        (place / name / f"{number:02}.png").write_bytes(PICTURES[TALL + number])
    contents = read(place)
    assert len(contents.drafts[split]) == TALL and not contents.bad
