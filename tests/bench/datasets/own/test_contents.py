import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.datasets.own import contents
from bench.datasets.own.contents import MIN_PICTURES, Contents, digest, read_contents
from bench.datasets.splits import SPLITS
from bench.errors import UserError
from bench.lazy import Picture, Spool
from bench.pictures import decode
from bench.scoring.power import StudyDesign, detectable_paired

Rows = list[dict[str, Any]]
Write = Callable[..., Path]


def pngs(rows: Rows) -> dict[str, np.ndarray]:
    return {row["answer"]: decode(row["image"], row["answer"]) for row in rows}


def resaved(data: bytes) -> bytes:
    """Nearly the same picture: as a JPEG of four fifths of its size."""
    picture, buffer = Image.open(io.BytesIO(data)), io.BytesIO()
    picture.resize((4 * picture.width // 5, 4 * picture.height // 5)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "saved", "saved pictures"])
def test_every_form_holds_the_same_samples(write: Write, rows: Rows, form: str) -> None:
    """All questions, answers and pixels are there once, divided in the same way, and nothing is reported."""
    result = read_contents(write(form, rows))
    assert (result.rows, result.bad, result.notes, result.refusal) == (40, [], [], "")
    splits = result.samples()
    assert {split: len(part) for split, part in splits.items()} == {"train": 18, "validation": 6, "test": 16}
    samples = [s for part in splits.values() for s in part]
    assert {(s.question, s.answer) for s in samples} == {(row["question"], row["answer"]) for row in rows}
    assert all(np.array_equal(s.pixels, pngs(rows)[s.answer]) for s in samples)
    plain = read_contents(write("jsonl", rows, "plain")).samples()
    assert {split: part.digest for split, part in splits.items()} == {split: plain[split].digest for split in SPLITS}


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "saved"])
def test_what_a_row_may_say_survives_every_form(write: Write, rows: Rows, form: str) -> None:
    many: Rows = [{**row, "id": f"q{n}", "split": SPLITS[n % 3], "rule": "vqa"} for n, row in enumerate(rows[:30])]
    for row in many:
        row["answers"] = [row["answer"], "another", "another"]
    few: Rows = [
        {**row, "id": f"c{n}", "split": SPLITS[n % 3], "choices": ["left", "right"]} for n, row in enumerate(rows[30:])
    ]
    for row in few:
        row["answer"] = "right"
    result = read_contents(write(form, many + few))
    assert result.bad == []
    splits = result.samples()
    for split in SPLITS:
        texts = {s.id: (s.answer, s.answers, s.choices, s.rule) for s in splits[split]}
        expected = {r["id"]: (r["answer"], tuple(r["answers"]), (), "vqa") for r in many if r["split"] == split}
        expected |= {r["id"]: ("B", (), ("left", "right"), "choice") for r in few if r["split"] == split}
        assert texts == expected


@pytest.mark.parametrize("form", ["jsonl", "csv", "saved pictures"])
def test_the_owners_splits_are_kept(write: Write, rows: Rows, form: str) -> None:
    parts = {"train": rows[:20], "validation": rows[20:28], "test": rows[28:]}
    splits = read_contents(write(form, parts)).samples()
    assert {split: [s.answer for s in splits[split]] for split in SPLITS} == {
        split: [row["answer"] for row in part] for split, part in parts.items()
    }


def test_splits_that_are_left_out_are_taken_from_training(write: Write, rows: Rows) -> None:
    only = read_contents(write("saved", {"train": rows}, "only"))
    assert {split: len(part) for split, part in only.drafts.items()} == {"train": 18, "validation": 6, "test": 16}
    two = read_contents(write("saved", {"train": rows[:28], "test": rows[28:]}, "two")).samples()
    assert [s.answer for s in two["test"]] == [row["answer"] for row in rows[28:]]
    assert (len(two["train"]), len(two["validation"])) == (21, 7)
    with pytest.raises(UserError, match=r"^dataset: only test; allowed: a train split, or no splits at all"):
        read_contents(write("jsonl", [{**row, "split": "test"} for row in rows], "none"))


def test_pictures_that_are_nearly_the_same_are_never_apart(write: Write, rows: Rows) -> None:
    twins = [{"question": "Again?", "answer": f"twin {n}", "image": resaved(rows[n]["image"])} for n in range(12)]
    result = read_contents(write("parquet", rows + twins))
    where = {draft.where: split for split, part in result.drafts.items() for draft in part}
    assert len(where) == 52 and result.notes == []
    assert all(where[f"pets.parquet, row {n + 1}"] == where[f"pets.parquet, row {n + 41}"] for n in range(12))
    assert {where[f"pets.parquet, row {n + 1}"] for n in range(12)} > {"train"}


def test_a_duplicate_across_the_owners_splits_is_found(write: Write, rows: Rows) -> None:
    """The test keeps it, training loses it, and both rows are named."""
    train, test = rows[:20], rows[28:]
    train[3] = {**train[3], "image": resaved(test[5]["image"])}
    train[4] = {**train[4], "image": test[6]["image"]}
    result = read_contents(write("jsonl", {"train": train, "validation": rows[20:28], "test": test}))
    assert sorted(result.notes) == [
        "38 of 40 good rows are used; at most train 2000, validation 300, test 1000",
        "train/metadata.jsonl, row 4: a near-duplicate of test/metadata.jsonl, row 6, which is in test; left out",
        "train/metadata.jsonl, row 5: a near-duplicate of test/metadata.jsonl, row 7, which is in test; left out",
    ]
    assert [len(result.drafts[split]) for split in SPLITS] == [18, 8, 12] and result.bad == []


def test_questions_about_one_picture_share_it(write: Write, rows: Rows) -> None:
    more = [{**row, "question": "And?"} for row in rows]
    result = read_contents(write("csv", rows + more))
    samples = result.samples()
    for split in SPLITS:
        assert len(samples[split]) == 2 * result.pictures(split) == 2 * len({id(s.pixels) for s in samples[split]})
    assert result.effect == detectable_paired(StudyDesign(32, 2)) > detectable_paired(StudyDesign(32))


BROKEN = [
    ("no answer", {"answer": ""}, "answer: missing"),
    ("unknown rule", {"rule": "best"}, "rule: 'best'"),
    ("truncated", {"image": "half"}, "picture: damaged picture"),
    ("no picture", {"image": b"<svg/>"}, "picture: no picture that can be read"),
    ("twice", {"id": "same"}, "id: 'same' is also that of"),
]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet", "saved"])
def test_bad_rows_get_a_line_and_cost_themselves_alone(write: Write, rows: Rows, form: str) -> None:
    rows = [{**row, "id": "same" if n == 30 else f"q{n}", "rule": ""} for n, row in enumerate(rows)]
    for number, (_, change, _) in enumerate(BROKEN):
        half = {"image": rows[number]["image"][:-900]} if change.get("image") == "half" else {}
        rows[number + 32] = {**rows[number + 32], **change, **half}
    result = read_contents(write(form, rows))
    first = 2 if form == "csv" else 1
    name = {"jsonl": "metadata.jsonl", "csv": "metadata.csv", "parquet": "pets.parquet", "saved": "pets"}[form]
    assert len(result.bad) == len(BROKEN) and result.rows == 40
    for number, (_, _, fault) in enumerate(BROKEN):
        assert result.bad[number].startswith(f"{name}, row {number + 32 + first}: {fault}")
    answers = {s.answer for part in result.samples().values() for s in part}
    assert answers == {f"thing {n}" for n in range(40) if not 32 <= n < 37}
    assert result.refusal == "5 of 40 rows cannot be used; allowed: at most one in ten"


def test_a_bomb_costs_its_row_alone(write: Write, rows: Rows) -> None:
    """20,000 x 20,000 pixels in a small file."""
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    result = read_contents(write("jsonl", [{**rows[0], "image": buffer.getvalue()}, *rows[1:]]))
    assert result.bad == ["metadata.jsonl, row 1: picture: far too many pixels; allowed: 16777216 in all"]
    assert sum(map(len, result.samples().values())) == 39 and result.refusal == ""


def test_a_strip_is_no_picture(write: Write, rows: Rows) -> None:
    """Real models refuse such pictures, an hour into a run."""
    buffer = io.BytesIO()
    Image.new("RGB", (708, 7)).save(buffer, "PNG")
    result = read_contents(write("jsonl", [{**rows[0], "image": buffer.getvalue()}, *rows[1:]]))
    assert result.bad == ["metadata.jsonl, row 1: picture: 708x7 pixels; allowed: sides up to 100 to 1"]


def test_latin1_in_a_table_costs_its_row_alone(write: Write, rows: Rows) -> None:
    path = write("csv", rows)
    table = path / "metadata.csv"
    table.write_bytes(table.read_bytes().replace(b"thing 7", b"caf\xe9"))
    result = read_contents(path)
    assert result.bad == [r"metadata.csv, row 9: answer: 'caf\udce9' is not UTF-8; allowed: UTF-8 text"]


def test_some_rows_with_a_split_and_some_without(write: Write, rows: Rows) -> None:
    """One of forty rows lacks its split: it is reported, and the others are kept."""
    result = read_contents(write("jsonl", [{**row, "split": SPLITS[n % 3] if n else ""} for n, row in enumerate(rows)]))
    assert result.bad == ["metadata.jsonl, row 1: split: missing; allowed: one for each row, or for none"]
    assert sum(map(len, result.drafts.values())) == 39


@pytest.mark.parametrize(("bad", "refused"), [(4, False), (5, True)])
def test_one_bad_row_in_ten_is_accepted(write: Write, rows: Rows, bad: int, refused: bool) -> None:
    result = read_contents(write("jsonl", [{**row, "answer": "" if n < bad else "x"} for n, row in enumerate(rows)]))
    assert bool(result.refusal) is refused


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_its_least(write: Write, rows: Rows, split: str) -> None:
    """The minimum counts pictures: a hundred questions about one picture are no test."""
    sizes, start, parts = {**MIN_PICTURES}, 0, {}
    for name in SPLITS:
        parts[name] = rows[start : start + sizes[name]]
        start += sizes[name]
    assert read_contents(write("jsonl", parts, "enough")).refusal == ""
    parts[split] = [{**row, "image": parts[split][0]["image"]} if n == 1 else row for n, row in enumerate(parts[split])]
    refusal = read_contents(write("jsonl", parts, "few")).refusal
    assert refusal.startswith(f"{split} has {MIN_PICTURES[split] - 1} good pictures; allowed: at least train 8")  # type: ignore[index]


def test_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "metadata.jsonl").write_text("")
    assert read_contents(tmp_path).refusal.startswith("train has 0 good pictures")


def test_pictures_that_do_not_fit_into_memory_are_the_same(
    write: Write, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = read_contents(write("jsonl", rows))
    whole = good.samples()
    monkeypatch.setattr(Spool.__init__, "__defaults__", (0,))
    for split, samples in good.samples().items():
        assert all(isinstance(s.picture, Picture) for s in samples)
        assert samples.digest == whole[split].digest


def test_memory_and_rows_are_bounded(write: Write, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("jsonl", rows)
    needed = sum(pixels.nbytes for pixels in pngs(rows).values())
    monkeypatch.setattr(contents, "MAX_BYTES", needed)
    read_contents(path)
    monkeypatch.setattr(contents, "MAX_BYTES", needed - 1)
    with pytest.raises(UserError, match=r"^dataset: its pictures take 0.0 GiB decoded; allowed: .*; make them smaller"):
        read_contents(path)
    monkeypatch.setattr(contents, "MAX_ROWS", 39)
    with pytest.raises(UserError, match=r"^dataset: more than 39 rows; allowed: 39"):
        read_contents(path)


def same(result: Contents) -> dict[str, str]:
    return {split: part.digest for split, part in result.samples().items()}


@pytest.mark.parametrize("form", ["jsonl", "parquet", "saved"])
def test_the_digest_is_of_cells_and_pictures(write: Write, rows: Rows, form: str) -> None:
    """It does not depend on the path or the time of a file; each change is written to the same path."""
    path = write(form, rows)
    before, samples = digest(path), same(read_contents(path))
    moved = path.parent / "elsewhere" / path.name
    moved.parent.mkdir()
    path.rename(moved)
    assert (digest(moved), same(read_contents(moved))) == (before, samples)
    assert digest(write(form, rows)) == before
    for change in ({"answer": "other"}, {"image": rows[1]["image"]}, {"answer": ""}, {"image": b"<svg/>"}):
        (shutil.rmtree if path.is_dir() else Path.unlink)(path)
        assert digest(write(form, [{**rows[0], **change}, *rows[1:]])) != before
