"""An audit finds each thing that a protected folder may not have changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.errors import UserError
from bench.owner.audit import audit
from bench.owner.protect import protect
from bench.spec import Budget
from tests.bench.owner import files, forms
from tests.bench.owner.conftest import JobMaker

TABLE = "metadata.jsonl"


def change_row(folder: Path, row: int, **cells: object) -> None:
    rows = [json.loads(line) for line in (folder / TABLE).read_text().splitlines()]
    rows[row].update(cells)
    (folder / TABLE).write_text("".join(json.dumps(each) + "\n" for each in rows))


def swap_rows(folder: Path) -> None:
    rows = (folder / TABLE).read_text().splitlines()
    (folder / TABLE).write_text("\n".join([rows[1], rows[0], *rows[2:]]) + "\n")


def brighten(folder: Path) -> None:
    file = folder / "images" / "0.png"
    Image.fromarray(np.clip(np.asarray(Image.open(file)).astype(int) + 40, 0, 255).astype(np.uint8)).save(file)


def shrink(folder: Path) -> None:
    file = folder / "images" / "0.png"
    Image.open(file).resize((9, 9)).save(file)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "over budget": (brighten, "L-inf of"),
    "another size": (shrink, "60x40 to 9x9"),
    "unreadable": (lambda f: (f / "images" / "0.png").write_bytes(b"x"), "no picture"),
    "an answer": (lambda f: change_row(f, 2, answer="another"), "its answers"),
    "a question": (lambda f: change_row(f, 2, question="What was this?"), "word 2 changed"),
    "too many words": (lambda f: change_row(f, 2, question=f"What is this?{' word' * 6}"), "6 words inserted"),
    "the order": (swap_rows, "its place"),
    "a stranger": (lambda f: shutil.copy(f / "images" / "0.png", f / "images" / "new.png"), "no row names it"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_change_is_found_and_named(source: Path, tmp_path: Path, job: JobMaker, fault: str) -> None:
    protect(source, tmp_path / "out", job())
    assert audit(source, tmp_path / "out", Budget())["within"]
    spoil, reason = FAULTS[fault]
    spoil(tmp_path / "out")
    report = audit(source, tmp_path / "out", Budget())
    assert not report["within"] and any(reason in found["reason"] for found in report["faults"]), report["faults"]


def test_a_folder_with_nothing_of_the_original_is_no_success(tmp_path: Path) -> None:
    files.write(tmp_path / "mine", {"a.png": files.encode(files.picture(), "PNG")})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has nothing of the original"):
        audit(tmp_path / "mine", tmp_path / "empty", Budget())


def test_a_smaller_budget_is_kept_by_what_is_within_it(source: Path, tmp_path: Path, job: JobMaker) -> None:
    report = protect(source, tmp_path / "out", job())
    assert not audit(source, tmp_path / "out", Budget(epsilon=7))["within"]
    found = audit(source, tmp_path / "out", Budget(epsilon=8))
    assert found["within"] and found["linf"] == report["stealth"]["linf"] == 8
    assert found["psnr"] == pytest.approx(report["stealth"]["psnr"], abs=0.02)


def test_what_is_left_out_is_counted_and_no_fault(tmp_path: Path, job: JobMaker) -> None:
    """Inside a table pictures have no names, and rows with equal answers are told apart by them."""
    source = forms.parquet(tmp_path / "mine")
    protect(source, tmp_path / "out", job())
    import pandas as pd

    table = pd.read_parquet(tmp_path / "out" / "pets.parquet")
    table.drop(index=[0, 4]).to_parquet(tmp_path / "out" / "pets.parquet", index=False)
    report = audit(source, tmp_path / "out" / "pets.parquet", Budget())
    assert report["faults"] == [] and report["left_out"] == ["row 1", "row 5"] and report["pictures"] == 10


def test_plain_pictures_are_compared_by_name(tmp_path: Path, job: JobMaker) -> None:
    files.write(
        tmp_path / "mine", {"a.jpg": files.encode(files.picture(), "JPEG"), "b.gif": files.kinds()["still.gif"]}
    )
    protect(tmp_path / "mine", tmp_path / "out", job())
    report = audit(tmp_path / "mine", tmp_path / "out", Budget())
    assert report["within"] and report["pictures"] == 2
    files.write(tmp_path / "out", {"c.png": files.encode(files.picture(seed=1), "PNG")})
    assert audit(tmp_path / "mine", tmp_path / "out", Budget())["faults"][0]["name"] == "c.png"


def test_rows_and_pictures_alone_are_not_comparable(source: Path, tmp_path: Path) -> None:
    files.write(tmp_path / "plain", {"a.png": files.encode(files.picture(), "PNG")})
    with pytest.raises(UserError, match="both or none"):
        audit(source, tmp_path / "plain", Budget())
