import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.datasets.own import arrow, tables
from bench.datasets.own.formats import open_dataset
from bench.datasets.own.rows import COLUMNS, RawRow
from bench.errors import UserError

Rows = list[dict[str, Any]]
Write = Callable[..., Path]


def every(path: Path) -> list[RawRow | UserError]:
    return list(open_dataset(path).rows())


def faults_of(path: Path) -> list[str]:
    """The faults, in order."""
    return [str(each) for each in every(path) if isinstance(each, UserError)]


def good(path: Path) -> list[dict[str, Any]]:
    return [each.cells for each in every(path) if isinstance(each, RawRow)]


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("jsonl", "metadata.jsonl, row 1"),
        ("csv", "metadata.csv, row 2"),
        ("parquet", "pets.parquet, row 1"),
        ("saved", "pets, row 1"),
        ("saved pictures", "pets, row 1"),
    ],
)
def test_every_form_gives_its_rows_in_order(write: Write, rows: Rows, form: str, first: str) -> None:
    result = every(write(form, rows))
    assert all(isinstance(each, RawRow) for each in result)
    assert [each.cells["answer"] for each in result if isinstance(each, RawRow)] == [row["answer"] for row in rows]
    assert isinstance(result[0], RawRow) and (result[0].where, result[0].split) == (first, "")


@pytest.mark.parametrize("form", ["jsonl", "csv", "saved"])
def test_splits_are_folders_or_keys(write: Write, rows: Rows, form: str) -> None:
    path = write(form, {"train": rows[:20], "validation": rows[20:30], "test": rows[30:]})
    result = [each for each in every(path) if isinstance(each, RawRow)]
    assert [each.split for each in result] == ["train"] * 20 + ["validation"] * 10 + ["test"] * 10
    assert result[-1].where == {"jsonl": "test/metadata.jsonl, row 10", "csv": "test/metadata.csv, row 11"}.get(
        form, "test, row 10"
    )
    assert open_dataset(path).base("test") == (path if form == "saved" else path / "test")


@pytest.mark.parametrize("name", ["nothing", "empty", "notes.txt"])
def test_what_is_no_data_set(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"allowed: a folder with pictures and metadata.jsonl or metadata.csv"):
        open_dataset(tmp_path / name)


def test_one_table_a_folder(write: Write, rows: Rows) -> None:
    path = write("jsonl", rows)
    (path / "metadata.csv").write_text("file_name\n")
    with pytest.raises(UserError, match=r"both metadata.csv and metadata.jsonl"):
        open_dataset(path)


def test_a_table_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_text("{}\n")
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "metadata.jsonl").symlink_to("../secret.jsonl")
    with pytest.raises(UserError, match=r"metadata.jsonl: it leaves the folder"):
        open_dataset(tmp_path / "pets")


def table(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return folder


def test_bad_json_lines_cost_themselves_alone(tmp_path: Path) -> None:
    lines = [b'{"answer": 1}', b'{"answer": 2', b"", b"[1]", b'{"anwser": 3}', b"[" * 100_000, b'{"answer": 4}\r']
    path = table(tmp_path / "a", "metadata.jsonl", b"\n".join(lines))
    assert good(path) == [{"answer": 1}, {"answer": 4}]
    faults = faults_of(path)
    assert [line.split(":")[0] for line in faults] == [f"metadata.jsonl, row {n}" for n in (2, 4, 5, 6)]
    assert "no JSON" in faults[0] and faults[1].endswith("list; allowed: one object a row")
    assert faults[2].endswith(f"column 'anwser' is not known; allowed: {', '.join(COLUMNS)}")
    assert not any("\n" in line for line in faults)


def test_csv_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    text = 'file_name,question,answer\n1,"two\nlines, ""quoted""",a\n2,b\n3,"c"x,d\n\n4,e,f,g\n5,h,i\n'
    path = table(tmp_path / "a", "metadata.csv", text.encode())
    assert [row["answer"] for row in good(path)] == ["a", "i"]
    assert good(path)[0]["question"] == 'two\nlines, "quoted"'
    assert [line.split(": ")[0] for line in faults_of(path)] == [f"metadata.csv, row {n}" for n in (3, 4, 6)]
    assert "2 cells; allowed: 3, as the header has" in faults_of(path)[0]


def test_a_quote_that_is_never_closed_is_told_as_what_it_is(tmp_path: Path) -> None:
    """It swallows all rows that follow, so they cannot be counted."""
    path = table(tmp_path / "a", "metadata.csv", b'file_name,answer\n1,a\n2,"b\n3,c\n4,d\n')
    with pytest.raises(UserError, match=r"^metadata.csv, row 3: a quote that is never closed"):
        every(path)


@pytest.mark.parametrize("header", ["file_name,answer,anwser", "file_name;answer", "file_name,answer,answer"])
def test_a_header_is_of_known_columns(tmp_path: Path, header: str) -> None:
    path = table(tmp_path / "a", "metadata.csv", f"{header}\n1,a,b\n".encode())
    with pytest.raises(
        UserError, match=r"^metadata.csv, row 1: column .*; allowed: file_name, image, images, question"
    ):
        every(path)


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_encodings(tmp_path: Path, name: str) -> None:
    text = "answer\ncaf\xe9\n" if name.endswith("csv") else '{"answer": "caf\xe9"}\n'
    for encoding in ("utf-8", "utf-8-sig"):
        assert good(table(tmp_path / "a", name, text.encode(encoding))) == [{"answer": "caf\xe9"}]
    latin = good(table(tmp_path / "a", name, text.encode("latin-1")))
    assert latin == [{"answer": "caf\udce9"}]  # reported by the check of the cell: the other rows are not lost
    with pytest.raises(UserError, match=f"^{name}: UTF-16; allowed: UTF-8"):
        every(table(tmp_path / "a", name, text.encode("utf-16")))


def test_large_tables_are_refused_unread(write: Write, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("jsonl", rows)
    monkeypatch.setattr(tables, "MAX_TABLE", (path / "metadata.jsonl").stat().st_size)
    assert len(good(path)) == 40
    monkeypatch.setattr(tables, "MAX_TABLE", (path / "metadata.jsonl").stat().st_size - 1)
    with pytest.raises(UserError, match=r"^metadata.jsonl: \d+ bytes; allowed: \d+"):
        every(path)
    monkeypatch.setattr(arrow, "MAX_ROWS", 39)
    with pytest.raises(UserError, match=r"^pets.parquet: 40 rows; allowed: 39"):
        every(write("parquet", rows))


def test_parquet_text_that_is_not_utf8_costs_its_row_alone(tmp_path: Path) -> None:
    words = pa.array([b"one", b"caf\xe9", b"three"]).view(pa.string())
    pq.write_table(pa.table({"answer": words}), tmp_path / "a.parquet")
    assert good(tmp_path / "a.parquet") == [{"answer": "one"}, {"answer": "three"}]
    assert faults_of(tmp_path / "a.parquet") == ["a.parquet, row 2: not UTF-8; allowed: UTF-8 text"]


def test_parquet_columns_are_known(tmp_path: Path) -> None:
    pq.write_table(pa.table({"label": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"^a.parquet: column 'label' is not known"):
        every(tmp_path / "a.parquet")


@given(cut=st.floats(0, 0.999), hit=st.floats(0, 1), value=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_parquet_file_is_told(tmp_path: Path, cut: float, hit: float, value: int) -> None:
    """Cut anywhere it is no Parquet file; a changed byte may be a picture's or a word's, but nothing escapes."""
    whole = tmp_path / "whole.parquet"
    if not whole.exists():
        pq.write_table(pa.table({"answer": [f"word {n}" for n in range(100)]}), whole)
    data = bytearray(whole.read_bytes())
    file = tmp_path / "cut.parquet"
    file.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(UserError, match=r"^cut.parquet: damaged \(.*\); allowed: a whole Parquet file"):
        every(file)
    data[int(hit * (len(data) - 1))] = value
    file.write_bytes(data)
    try:
        every(file)
    except UserError as error:
        lines = str(error).split("\n")
        assert len(lines) == 1


@pytest.mark.parametrize("damage", ["cut", "state", "lost", "deep"])
def test_a_damaged_saved_folder_is_told(write: Write, rows: Rows, damage: str) -> None:
    path = write("saved", rows)
    (arrow,) = path.glob("*.arrow")
    if damage == "cut":
        arrow.write_bytes(arrow.read_bytes()[:300])
    elif damage == "lost":
        arrow.unlink()
    else:
        (path / "state.json").write_text("[" * 100_000 if damage == "deep" else "{}")
    with pytest.raises(UserError, match=r"^(pets: damaged \(.*\); allowed: what `save|state.json, 'data)"):
        every(path)


@pytest.mark.parametrize("name", ["../other/data-00000-of-00001.arrow", "/tmp/x.arrow", "link.arrow"])
def test_a_saved_folder_opens_nothing_outside(write: Write, rows: Rows, name: str) -> None:
    other, path = write("saved", rows, "other"), write("saved", rows)
    (path / "link.arrow").symlink_to(other / "data-00000-of-00001.arrow")
    state = json.loads((path / "state.json").read_text())
    state["_data_files"] = [{"filename": name}]
    (path / "state.json").write_text(json.dumps(state))
    with pytest.raises(UserError, match=r"^state.json, '.*': it leaves the folder of the data set"):
        every(path)


def test_splits_of_a_saved_folder_are_ours(write: Write, rows: Rows) -> None:
    path = write("saved", {"train": rows})
    for name in ("../other", "holdout", "training"):
        (path / "dataset_dict.json").write_text(json.dumps({"splits": ["train", name]}))
        with pytest.raises(
            UserError, match=r"^dataset_dict.json: split '.*'; allowed: train, validation, test, each once"
        ):
            every(path)


def test_a_saved_folder_runs_no_code(write: Write, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """No loading script next to it, no type, format or builder that its JSON names, and no network is used."""
    path = write("saved", rows)
    mark = path.parent / "mark"
    (path / "pets.py").write_text(f"open({str(mark)!r}, 'w')")
    info = json.loads((path / "dataset_info.json").read_text())
    (path / "dataset_info.json").write_text(json.dumps({**info, "builder_name": "pets", "homepage": "pets.py"}))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("asked the network"))
    assert len(good(path)) == 40 and not mark.exists()

    for changed in ({**info, "features": {"answer": {"_type": "os.system"}}}, {"features": 3}, [[]]):
        (path / "dataset_info.json").write_text(json.dumps(changed))
        assert len(good(path)) == 40  # only the Arrow files say what the cells are
    state = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps({**state, "_format_type": "custom"}))
    assert len(good(path)) == 40 and not mark.exists()


def test_what_datasets_saves_is_what_it_loads(write: Write, rows: Rows) -> None:
    """After a selection and a shuffle too: the order on disk is that of the data set."""
    path = write("saved", rows)
    loaded = datasets.load_from_disk(str(path)).shuffle(seed=1).select(range(10))
    loaded.save_to_disk(str(path.parent / "some"))
    assert [row["answer"] for row in good(path.parent / "some")] == list(loaded["answer"])


def test_damaged_offsets_do_not_end_the_process(tmp_path: Path) -> None:
    """Following the offsets would end it: the second word has a negative length."""
    offsets = pa.array([0, 3, -5, 9], pa.int32()).buffers()[1]
    words = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"onetwothree")])
    batch = pa.record_batch({"answer": words})
    with pytest.raises(pa.ArrowInvalid, match="offset"):
        list(arrow.batch_rows([batch], "pets", ""))
    assert len(list(arrow.batch_rows([pa.record_batch({"answer": ["a", "b"]})], "pets", ""))) == 2
