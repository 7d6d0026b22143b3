"""Tables keep the form in which they were written."""

from pathlib import Path

import pytest

from bench.owner.audit import audit
from bench.owner.methods import Part
from bench.owner.protect import protect
from bench.spec import Budget
from tests.bench.owner import files
from tests.bench.owner.conftest import JobMaker

TABLES = {
    "a mark and the line ends of a spreadsheet": ("metadata.csv", "\ufefffile_name,question,answer\r\n{rows}"),
    "the line ends of a spreadsheet": ("metadata.tsv", "file_name\tquestion\tanswer\r\n{rows}"),
    "a mark alone": ("metadata.csv", "\ufefffile_name,question,answer\n{rows}"),
    "decimals": ("metadata.jsonl", "{rows}"),
}


def row_of(name: str, end: str, number: int) -> str:
    """A row in the form of a table, with a line break in its question."""
    if name.endswith("jsonl"):
        return f'{{"file_name": "{number}.png", "question": "Q?", "answer": {number}.50, "id": 1e400}}\n'
    mark = "\t" if name.endswith("tsv") else ","
    return f'{number}.png{mark}"a\nb \U0001f600 \u05e9"{mark}x{end}'


BROKEN = {
    "metadata.csv": b"file_name,question,answer\n0.png,Q?,\xe9\n1.png,Q?,x\n",
    "metadata.jsonl": b'{"file_name":"0.png","question":"Q?","answer":"\xe9"}\n{"file_name":"1.png","caption":"x"}\n',
    "metadata.json": b'[{"file_name":"0.png","caption":"\xe9"},{"file_name":"1.png","caption":"x"}]',
    "coco.json": b'{"images":[{"id":0,"file_name":"0.png"},{"id":1,"file_name":"1.png","by":"Andr\xe9"}],"annotations":'
    b'[{"id":0,"image_id":0,"caption":"\xe9"},{"id":1,"image_id":1,"caption":"x"}]}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_row_of_bytes_that_are_no_text_is_named(name: str, tmp_path: Path, job: JobMaker) -> None:
    files.write(tmp_path / "mine", {f"{i}.png": files.encode(files.picture(seed=i), "PNG") for i in range(2)})
    files.write(tmp_path / "mine", {name: BROKEN[name]})
    source = tmp_path / "mine" / name if name == "coco.json" else tmp_path / "mine"
    report = protect(source, tmp_path / "out", job())
    assert report["rows"] == 1 and "not UTF-8" in report["left_out"][0]["reason"]
    assert b"1.png" in (tmp_path / "out" / name).read_bytes()


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_comes_back_byte_for_byte(kind: str, tmp_path: Path, job: JobMaker) -> None:
    """Where the pictures keep their names and no word is inserted."""
    name, form = TABLES[kind]
    end = "\r\n" if "\r\n" in form else "\n"
    content = form.replace("{rows}", "".join(row_of(name, end, number) for number in range(3))).encode()
    files.write(tmp_path / "mine", {f"{i}.png": files.encode(files.picture(seed=i), "PNG") for i in range(3)})
    files.write(tmp_path / "mine", {name: content})
    assert protect(tmp_path / "mine", tmp_path / "out", job())["left_out"] == []
    assert (tmp_path / "out" / name).read_bytes() == content
    protect(tmp_path / "mine", tmp_path / "words", job("random_trigger", part=Part(0, 3)))
    report = audit(tmp_path / "mine", tmp_path / "words", Budget())
    assert report["within"] and report["words"] == 3
