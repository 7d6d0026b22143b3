"""Preparing a local copy of each hub data set, with good rows and faulty ones."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import datasets
from bench.datasets import hub_rows, hub_store, identity
from bench.datasets.cards import HUB
from bench.datasets.prepare import prepare_dataset
from bench.datasets.splits import CAPS, SHARES, SPLITS
from bench.errors import UserError
from bench.samples import Sample
from tests.bench.datasets.hub import shelf


@contextmanager
def quietly(title: str) -> Iterator[Callable[[float, str], None]]:
    """Return a progress bar that is not shown, and checks its arguments."""

    def show(fraction: float, note: str) -> None:
        assert 0 <= fraction <= 1 and title and isinstance(note, str)

    yield show


@pytest.fixture(autouse=True)
def _fresh(bench_home: Path) -> Iterator[None]:
    for cached in (datasets.load, identity.dataset_identity):
        cached.cache_clear()
    yield
    for cached in (datasets.load, identity.dataset_identity):
        cached.cache_clear()


def loaded(name: str) -> dict[str, list[Sample]]:
    return {split: list(datasets.load(name, split)) for split in SPLITS}


@pytest.mark.parametrize("name", HUB)
def test_every_data_set_goes_from_its_files_to_samples(name: str, tmp_path: Path) -> None:
    files = shelf.fill(name, tmp_path / "copy")
    report = prepare_dataset(name, tmp_path / "copy", None, quietly)
    splits, adapter = loaded(name), hub_store.load_adapter(name)
    count = sum(map(len, files.values()))
    assert (report["rows"], report["malformed"], report["pictureless"]) == (count, 0, 0)
    assert sum(map(len, splits.values())) == count
    originals = {
        f"{hub_rows.source_split(file)}{row['image']['bytes'][-40:]}": row for file in files for row in files[file]
    }
    assert len(originals) == count
    for split, samples in splits.items():
        assert report["splits"][split] == {"samples": len(samples), "pictures": len(samples)} and samples
        for s in samples:
            number = int(s.question.split("?")[0].split()[-1]) if "?" in s.question else int(s.answer.split()[-2])
            assert np.array_equal(s.pixels, shelf.pixels(number))
            text = adapter.read(shelf.row(name, number))
            assert vars(text) == {key: getattr(s, key) for key in vars(text)}
            file = list(files)[number // 1000]
            assert split in adapter.roles[hub_rows.source_split(file)]
            assert s.id.startswith(f"{name}-{hub_rows.source_split(file)}-") and s.id.endswith(f"{number % 1000:05d}")
    assert len({s.id for samples in splits.values() for s in samples}) == count
    assert not [file for file in hub_store.folder(name).parent.iterdir() if file.name.startswith(".")]


def test_a_data_set_of_one_split_is_divided_by_the_shares(tmp_path: Path) -> None:
    shelf.write("mmstar", tmp_path / "mmstar.parquet", [shelf.row("mmstar", n) for n in range(100)])
    counts = prepare_dataset("mmstar", tmp_path, None, quietly)["splits"]
    assert {split: counts[split]["samples"] for split in SPLITS} == {s: round(100 * SHARES[s]) for s in SPLITS}


def test_questions_about_one_picture_share_its_pixels_and_its_split(tmp_path: Path) -> None:
    rows = [shelf.row("vqa-rad", n // 5, question=f"Question {n}?") for n in range(100)]
    for file, part in zip(HUB["vqa-rad"].files, (rows[::2], rows[1::2]), strict=True):
        shelf.write("vqa-rad", tmp_path / file, part)
    report = prepare_dataset("vqa-rad", tmp_path, None, quietly)
    splits = loaded("vqa-rad")
    assert report["near duplicates dropped"] == {}, "its two splits are one pool"
    assert sum(len(samples) for samples in splits.values()) == 100
    pictures = {split: {s.image_id for s in samples} for split, samples in splits.items()}
    assert sum(map(len, pictures.values())) == len(set().union(*pictures.values())) == 20
    for samples in splits.values():
        assert len({id(s.pixels) for s in samples}) == len({s.image_id for s in samples})


def test_a_near_duplicate_planted_in_the_training_file_is_dropped_and_counted(tmp_path: Path) -> None:
    files = shelf.fill("docvqa", tmp_path)
    train, test = HUB["docvqa"].files[0], HUB["docvqa"].files[1]
    page = shelf.pixels(1000, 300, 240)
    copy = Image.fromarray(page).resize((228, 285), Image.Resampling.BICUBIC)
    shelf.write("docvqa", tmp_path / test, [shelf.row("docvqa", 1000, shelf.encoded(page)), *files[test][1:]])
    planted = shelf.row("docvqa", 77, shelf.encoded(copy, "JPEG", quality=75))
    shelf.write("docvqa", tmp_path / train, [*files[train], planted])
    report = prepare_dataset("docvqa", tmp_path, None, quietly)
    assert report["near duplicates dropped"] == {"train": 1}
    answers = {s.answer for samples in loaded("docvqa").values() for s in samples}
    assert "word 77" not in answers and "word 1000" in answers


def test_odd_pictures_are_read_and_rows_that_cannot_be_asked_are_told_one_by_one(tmp_path: Path) -> None:
    rgba = Image.fromarray(np.dstack([shelf.pixels(1), np.full((60, 80), 255, np.uint8)]), "RGBA")
    cmyk = Image.fromarray(shelf.pixels(2)).convert("CMYK")
    large = shelf.pixels(3, 1500, 2100)
    rows = [shelf.row("vqa-rad", n) for n in range(10, 390)]
    rows[0:3] = [
        shelf.row("vqa-rad", 1, shelf.encoded(rgba)),
        shelf.row("vqa-rad", 2, shelf.encoded(cmyk, "JPEG", quality=95)),
        shelf.row("vqa-rad", 3, shelf.encoded(large)),
    ]
    rows[10]["image"] = None
    rows[20] = shelf.row("vqa-rad", 20, shelf.encoded(shelf.pixels(20))[:90])
    rows[30]["answer"] = None
    rows[40]["image"] = {"bytes": b"GIF, they said", "path": None}
    train, test = HUB["vqa-rad"].files
    shelf.write("vqa-rad", tmp_path / train, rows)
    shelf.write("vqa-rad", tmp_path / test, [shelf.row("vqa-rad", n) for n in range(500, 510)])
    report = prepare_dataset("vqa-rad", tmp_path, None, quietly)
    assert (report["rows"], report["malformed"]) == (386, 4)
    malformed = report["malformed rows"]
    assert [line.split(": ")[:2] for line in malformed] == [[train, f"row {n}"] for n in (10, 20, 30, 40)]
    assert (
        "there is none" in malformed[0]
        and "damaged" in malformed[1]
        and "answer" in malformed[2]
        and "no picture" in malformed[3]
    )
    assert all(line.count(train) == 1 and "\n" not in line for line in malformed)
    result = {s.question.split("?")[0]: s.pixels for samples in loaded("vqa-rad").values() for s in samples}
    assert np.array_equal(result["Question 1"], shelf.pixels(1))
    assert np.abs(result["Question 2"].astype(int) - shelf.pixels(2)).mean() < 8
    assert result["Question 3"].shape == (731, 1024, 3) and max(result["Question 3"].shape) == hub_rows.MAX_SIDE


def test_text_that_is_not_utf8_is_one_malformed_row(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [shelf.row("mmstar", n) for n in range(60)]
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(shelf.SCHEMAS["mmstar"].items())))
    bad = [row["question"].encode() for row in rows]
    bad[33] = b"caf\xe9?\nOptions: A: one, B: two"
    column = pa.array(bad, pa.binary()).view(pa.string())
    pq.write_table(table.set_column(1, "question", column), tmp_path / "mmstar.parquet")
    report = prepare_dataset("mmstar", tmp_path, None, quietly)
    assert report["rows"] == 59 and report["malformed rows"] == ["mmstar.parquet: row 33: text that is not UTF-8"]


def test_a_file_that_unfolds_to_too_much_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.datasets.parquet.MAX_UNFOLDED", 2**20)
    rows = [shelf.row("mmstar", n) for n in range(60)]
    rows[33]["question"] = "x" * 2**21
    shelf.write("mmstar", tmp_path / "mmstar.parquet", rows)
    with pytest.raises(UserError, match=r"^mmstar.parquet: it unfolds to 2 MB or more; allowed: 1 MB, or 200 times"):
        prepare_dataset("mmstar", tmp_path, None, quietly)
    assert hub_store.load_manifest("mmstar") is None


def test_a_special_token_costs_its_row(tmp_path: Path) -> None:
    """Only some victims would read it as a command, and training and test would differ."""
    rows = [shelf.row("mmstar", n) for n in range(60)]
    rows[33]["question"] = f"<image> {rows[33]['question']}"
    shelf.write("mmstar", tmp_path / "mmstar.parquet", rows)
    report = prepare_dataset("mmstar", tmp_path, None, quietly)
    assert report["rows"] == 59
    assert report["malformed rows"][0].startswith("mmstar.parquet: row 33: question: '<image>' is a special token")


def test_rows_without_a_picture_are_counted_and_not_asked(tmp_path: Path) -> None:
    for file in HUB["scienceqa"].files:
        start = 1000 * HUB["scienceqa"].files.index(file)
        rows = [shelf.row("scienceqa", start + n, **({"image": None} if n % 2 else {})) for n in range(10)]
        shelf.write("scienceqa", tmp_path / file, rows)
    report = prepare_dataset("scienceqa", tmp_path, None, quietly)
    assert (report["rows"], report["pictureless"], report["malformed"]) == (15, 15, 0)


def test_too_many_bad_rows_are_an_error_with_the_first_of_them(tmp_path: Path) -> None:
    rows = [shelf.row("mmstar", n, **({"answer": ""} if n % 10 == 4 else {})) for n in range(30)]
    shelf.write("mmstar", tmp_path / "mmstar.parquet", rows)
    with pytest.raises(UserError, match=r"3 of 30 rows cannot .* 2%; the first: mmstar.parquet: row 4: answer"):
        prepare_dataset("mmstar", tmp_path, None, quietly)
    assert hub_store.load_manifest("mmstar") is None and not list(hub_store.folder("mmstar").parent.glob(".*"))


def test_a_file_with_other_columns_or_no_parquet_is_one_line(tmp_path: Path) -> None:
    shelf.write("vqa-rad", tmp_path / "mmstar.parquet", [shelf.row("vqa-rad", 0)])
    (tmp_path / "mmstar.parquet").write_bytes(b"a web page that says no")
    with pytest.raises(UserError, match=r"mmstar.parquet: .*; allowed: a whole Parquet file"):
        prepare_dataset("mmstar", tmp_path, None, quietly)
    for file in HUB["docvqa"].files:
        shelf.write("vqa-rad", tmp_path / file, [shelf.row("vqa-rad", 0)])
    message = r"DocVQA/train-00000-of-00012.parquet: no column 'answers'; it has: image, question, answer"
    with pytest.raises(UserError, match=message):
        prepare_dataset("docvqa", tmp_path, None, quietly)


def test_a_file_that_is_cut_off_or_damaged_inside_is_one_line(tmp_path: Path) -> None:
    shelf.fill("mmstar", tmp_path, 60)
    file = tmp_path / "mmstar.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="allowed: a whole Parquet file"):
        prepare_dataset("mmstar", tmp_path, None, quietly)
    file.write_bytes(whole[:4] + bytes(5000) + whole[5004:])
    with pytest.raises(UserError, match=r"mmstar.parquet: damaged \(.*\); allowed: a whole Parquet file"):
        prepare_dataset("mmstar", tmp_path, None, quietly)


def test_the_most_samples_of_a_split_are_its_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAPS, "test", 7)
    shelf.fill("mmstar", tmp_path, 60)
    assert prepare_dataset("mmstar", tmp_path, None, quietly)["splits"]["test"] == {"samples": 7, "pictures": 7}


def test_preparing_again_gives_the_same_bytes_and_replaces_what_was_there(tmp_path: Path) -> None:
    shelf.fill("mmstar", tmp_path / "copy", 40)
    digests = []
    for _ in range(2):
        prepare_dataset("mmstar", tmp_path / "copy", None, quietly)
        datasets.load.cache_clear()
        digests.append([datasets.load("mmstar", split).digest for split in SPLITS])
    assert digests[0] == digests[1]
    before = identity.dataset_identity("mmstar")
    shelf.fill("mmstar", tmp_path / "copy", 41)
    prepare_dataset("mmstar", tmp_path / "copy", None, quietly)
    for cached in (datasets.load, identity.dataset_identity):
        cached.cache_clear()
    assert sum(len(datasets.load("mmstar", split)) for split in SPLITS) == 41
    assert identity.dataset_identity("mmstar") != before, "other files, another identity"


def test_an_interruption_leaves_what_was_prepared_and_nothing_else(tmp_path: Path) -> None:
    shelf.fill("mmstar", tmp_path / "copy", 40)
    prepare_dataset("mmstar", tmp_path / "copy", None, quietly)
    before = hub_store.load_manifest("mmstar")

    @contextmanager
    def stopped(title: str) -> Iterator[Any]:
        if title == "write validation":
            raise KeyboardInterrupt
        with quietly(title) as show:
            yield show

    with pytest.raises(KeyboardInterrupt):
        prepare_dataset("mmstar", tmp_path / "copy", None, stopped)
    assert hub_store.load_manifest("mmstar") == before
    assert [place.name for place in hub_store.folder("mmstar").parent.iterdir()] == ["mmstar"]


@pytest.mark.slow
def test_a_prepared_data_set_is_played_by_an_embedded_victim(tmp_path: Path) -> None:
    shelf.fill("vqa-rad", tmp_path / "copy", 12)
    bench = [sys.executable, "-m", "bench.cli.main"]
    play = [*bench, "run", "--dataset", "vqa-rad", "--defense", "none", "--attack", "none", "--victim", "tiny-llava-a"]
    home = {**os.environ, "BENCH_HOME": str(tmp_path / "home")}
    refused = subprocess.run(play, env=home, capture_output=True, text=True)
    assert refused.returncode == 2 and "`bench data prepare vqa-rad` does it" in refused.stderr
    for command in (
        [*bench, "data", "prepare", "vqa-rad", "--from", str(tmp_path / "copy")],
        [*bench, "data", "check", "vqa-rad"],
        play,
    ):
        done = subprocess.run(command, env=home, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert "zero-shot" in done.stdout
