"""Any table beside pictures is read, or its faults are told in one printable line each."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.datasets.own.contents import read_contents
from bench.datasets.own.files import locate
from bench.errors import UserError
from tests.bench.datasets.own.conftest import PICTURES
from tests.fuzz.mutations import check_line, damaged

TALL = 12
ROWS = [{"file_name": f"{n:02}.png", "question": "What is it?", "answer": f"thing {n}"} for n in range(TALL)]
LINES = "\n".join(map(json.dumps, ROWS)).encode()
PIECES = [
    *(
        b"\0",
        b"\n",
        b"\r",
        b"\t",
        b",",
        b";",
        b'"',
        b"'",
        b"[",
        b"]",
        b"{",
        b"}",
        b":",
        b"null",
        b"true",
        b"1e999",
        b"NaN",
    ),
    *(
        b"0.5",
        b"\\ud800",
        b"\xff",
        b"\xef\xbb\xbf",
        b"../",
        b"/etc/passwd",
        b"<image>",
        b"</s>",
        b"9" * 5000,
        b'"answer": "x", ',
    ),
    *(character.encode() for character in "\u202e\u2028\u200b\x85"),
]
CELLS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.lists(st.text(max_size=9), max_size=3)
)


def write_csv(delimiter: str) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return buffer.getvalue().encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures and no table."""
    place = tmp_path_factory.mktemp("own")
    for number in range(TALL):
        (place / f"{number:02}.png").write_bytes(PICTURES[number])
    return place


def check(folder: Path, name: str, content: bytes) -> None:
    """Read the folder with one table; fail unless each row is a sample or a line, or the whole is one line."""
    (folder / name).write_bytes(content)
    try:
        contents = read_contents(locate(str(folder)))
    except UserError as error:
        lines = [str(error)]
    else:
        lines = contents.bad
        assert all(draft.texts.answer for part in contents.drafts.values() for draft in part)
    finally:
        (folder / name).unlink()
    for line in lines:
        check_line(line)


@given(damaged([LINES], PIECES))
def test_damaged_lines_of_json(folder: Path, content: bytes) -> None:
    check(folder, "metadata.jsonl", content)


@given(damaged([write_csv(","), write_csv(";"), write_csv("\t")], PIECES), st.sampled_from([".csv", ".tsv"]))
def test_damaged_tables(folder: Path, content: bytes, ending: str) -> None:
    check(folder, f"metadata{ending}", content)


COLUMNS = ["question", "answer", "answers", "choices", "rule", "file_name", "image"]


@given(st.sampled_from(COLUMNS), st.lists(CELLS, min_size=TALL, max_size=TALL))
def test_any_cell(folder: Path, column: str, cells: list[object]) -> None:
    rows = [{**row, column: cell} for row, cell in zip(ROWS, cells, strict=True)]
    check(folder, "metadata.jsonl", "\n".join(map(json.dumps, rows)).encode())
