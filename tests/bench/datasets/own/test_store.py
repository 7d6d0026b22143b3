import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import datasets
from bench.datasets.identity import dataset_identity
from bench.datasets.own import contents, first_lines, import_path, is_own, is_path, store
from bench.datasets.splits import SPLITS
from bench.errors import UserError
from bench.stages import dataset
from bench.store import artifacts

Rows = list[dict[str, Any]]
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _fresh(bench_home: Path) -> None:
    """Use a new home, and forget what other tests loaded."""
    datasets.load.cache_clear()
    dataset_identity.cache_clear()


def test_what_is_imported_is_known_by_its_name(write: Write, rows: Rows) -> None:
    path = write("jsonl", rows)
    report = import_path(str(path))
    assert is_own(report.name) and report.name.startswith("own:pets@")
    assert (report.rows, report.used, report.bad) == (40, {"train": 18, "validation": 6, "test": 16}, [])
    expected = contents.read_contents(path).samples()
    shutil.rmtree(path)
    datasets.check(report.name)
    for split in SPLITS:
        assert datasets.load(report.name, split).digest == expected[split].digest
    assert dataset_identity(report.name) == report.name.split("@")[1]


@pytest.mark.parametrize("form", ["csv", "parquet", "saved", "saved pictures"])
def test_a_moved_or_rewritten_set_keeps_its_artefacts(write: Write, rows: Rows, form: str) -> None:
    """In another folder, with other file times or in another format, nothing is made again."""
    first = import_path(str(write("jsonl", rows)))
    before = [dataset.stage(first.name, split).identity for split in SPLITS]
    path = write(form, rows, "new/pets" if form != "parquet" else "pets")
    second = import_path(str(path))
    assert second == first
    renamed = import_path(str(path.rename(path.with_name("other" + path.suffix))))
    assert renamed.name == first.name.replace("own:pets", "own:other")
    assert [dataset.stage(renamed.name, split).identity for split in SPLITS] == before
    assert len(artifacts.list_finished()) == 1


def test_any_change_of_what_is_played_is_another_set(write: Write, rows: Rows) -> None:
    names = {import_path(str(write("jsonl", rows, "a"))).name.split("@")[1]}
    for number, change in enumerate(
        ({"answer": "x"}, {"question": "x"}, {"image": rows[1]["image"]}, {"rule": "anls"})
    ):
        path = write(
            "jsonl", [{"rule": "", **rows[0], **change}, *({"rule": "", **row} for row in rows[1:])], f"b{number}"
        )
        names.add(import_path(str(path)).name.split("@")[1])
    assert len(names) == 5


def test_what_was_read_before_is_not_decoded_again(write: Write, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**rows[0], "answer": ""}, *rows[1:]]
    first = import_path(str(write("jsonl", rows)))
    monkeypatch.setattr(contents, "decode", lambda *_: pytest.fail("decoded"))
    assert import_path(str(write("jsonl", rows, "again/pets"))) == first
    assert first.bad == [
        "metadata.jsonl, row 1: answer: missing; allowed: text, or a caption without question and answer"
    ]


def test_it_is_imported_again_if_its_copy_is_gone(write: Write, rows: Rows, bench_home: Path) -> None:
    path = write("jsonl", rows)
    name = import_path(str(path)).name
    shutil.rmtree(bench_home / "artifacts")
    with pytest.raises(UserError, match=r"^dataset: 'own:pets@\w+' is not in .*; allowed: its folder or file"):
        datasets.check(name)
    with pytest.raises(UserError, match="is not in"):
        datasets.load(name, "test")
    assert import_path(str(path)).name == name
    datasets.check(name)


def test_no_path_is_kept(write: Write, rows: Rows, bench_home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("secret")
    write("jsonl", rows).rename(secret / "pets")
    import_path(str(secret / "pets"))
    written = [file for file in bench_home.rglob("*") if file.is_file()]
    assert len(written) > 40
    assert not any(b"secret" in file.read_bytes() for file in written)


def test_too_many_bad_rows_are_all_told_and_nothing_is_kept(write: Write, rows: Rows) -> None:
    path = write("jsonl", [{**row, "answer": "" if n < 25 else row["answer"]} for n, row in enumerate(rows)])
    with pytest.raises(UserError) as error:
        import_path(str(path))
    first, *lines = str(error.value).split("\n")
    assert first == f"dataset: {str(path)!r}: 25 of 40 rows cannot be used; allowed: at most one in ten"
    assert [line.split(":")[0] for line in lines[:20]] == [f"  metadata.jsonl, row {n}" for n in range(1, 21)]
    assert lines[20:] == ["  ... and 5 more; `bench data check` lists all"]
    assert artifacts.list_finished() == set()


@given(st.integers(0, 100))
def test_lines_are_listed_up_to_twenty(count: int) -> None:
    shown = first_lines([str(n) for n in range(count)])
    assert shown[:20] == [str(n) for n in range(min(count, 20))]
    assert shown[20:] == ([f"... and {count - 20} more; `bench data check` lists all"] if count > 20 else [])


def test_names_are_of_plain_letters(write: Write, rows: Rows) -> None:
    path = write("jsonl", rows, "Bücher & $(rm) '\"")
    assert import_path(str(path)).name.startswith("own:B_cher_rm_@")
    long = path.rename(path.with_name("x" * 90))
    assert import_path(str(long)).name.startswith("own:" + 40 * "x" + "@")


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ("pets/", True, False),
        ("/data/pets", True, False),
        ("pets.parquet", True, False),
        (".", True, False),
        ("here", True, False),
        ("emoji_catalog", False, False),
        ("own:pets@0123456789abcdef", False, True),
        ("own:../pets@0123456789abcdef", True, False),
        ("own:pets@0123456789abcdef0", False, False),
        ("own:pets@0123456789ABCDEF", False, False),
        ("own:pets@0123456789abcdef\n", False, False),
    ],
)
def test_paths_and_names(text: str, path: bool, name: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert (is_path(text), is_own(text)) == (path, name)


def test_the_reader_is_part_of_what_is_remembered(write: Write, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other code may read something else from the same files."""
    path = write("jsonl", rows)
    name = import_path(str(path)).name
    monkeypatch.setattr(contents, "decode", lambda *_: pytest.fail("decoded again"))
    assert import_path(str(path)).name == name
    monkeypatch.setattr(store, "_reader_hash", lambda: "other")
    with pytest.raises(pytest.fail.Exception, match="decoded again"):
        import_path(str(path))


def test_the_copy_is_checked_before_use(write: Write, rows: Rows, bench_home: Path) -> None:
    name = import_path(str(write("jsonl", rows))).name
    file = next((bench_home / "artifacts" / "own").rglob("test/metadata.jsonl"))
    file.write_text(file.read_text().replace("thing", "thong"))
    artifacts._verified_manifests.clear()
    with pytest.raises(UserError, match="is not in"):
        datasets.load(name, "test")


def test_json_that_is_kept_is_small(write: Write, rows: Rows, bench_home: Path) -> None:
    import_path(str(write("jsonl", rows)))
    (report,) = (bench_home / "own").glob("*.json")
    assert set(json.loads(report.read_text())) == {"key", "rows", "used", "effect", "bad", "notes"}


@pytest.mark.parametrize("damage", ["", "{", "[]", "5", "null", '{"key": "../../x"}', "\0", "folder"])
def test_a_broken_record_of_an_import_is_made_again(write: Write, rows: Rows, bench_home: Path, damage: str) -> None:
    path = str(write("jsonl", rows))
    report = import_path(path)
    (record,) = (bench_home / "own").iterdir()
    whole = record.read_text()
    record.unlink()
    record.mkdir() if damage == "folder" else record.write_text(damage)
    assert import_path(path) == report
    assert record.is_dir() or record.read_text() == whole


def test_the_label_of_a_name_is_that_of_an_import(write: Write, rows: Rows) -> None:
    """Nobody calls their data emoji_catalog by typing so."""
    name = import_path(str(write("jsonl", rows))).name
    label, key = name.removeprefix("own:").split("@")
    store.check_imported(name)
    for other in ("emoji_catalog", f"{label}x", "x"):
        with pytest.raises(UserError, match="is not in "):
            store.check_imported(f"own:{other}@{key}")
    import_path(str(write("jsonl", rows, "again/other")))
    store.check_imported(f"own:other@{key}")
    store.check_imported(name)
