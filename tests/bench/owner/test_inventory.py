"""Files that cannot be read, have no place in the new folder, or change during the work, are named."""

import os
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UserError
from bench.owner.audit import audit
from bench.owner.protect import protect
from bench.spec import Budget
from tests.bench.owner import files
from tests.bench.owner.conftest import JobMaker, tree


def png(seed: int = 0) -> bytes:
    return files.encode(files.picture(seed=seed), "PNG")


def reasons(report: dict[str, Any]) -> dict[str, str]:
    return {left["name"]: left["reason"] for left in report["left_out"]}


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, job: JobMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write(tmp_path / "mine", {"a.png": png(), "shut/b.png": png(1)})
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("shut") and access(path, mode))
    report = protect(tmp_path / "mine", tmp_path / "out", job())
    assert report["pictures"] == 1 and "Permission denied" in reasons(report)["shut"]


def test_a_name_that_would_be_too_long_with_another_ending_is_named(tmp_path: Path, job: JobMaker) -> None:
    jpeg = files.encode(files.picture(seed=1), "JPEG")
    long = {"n" * 251 + ".jpg": jpeg, "m" * 254: files.encode(files.picture(seed=2), "GIF")}
    kept = {"n" * 251 + ".png": png(3), "k" * 247 + ".jpg": files.encode(files.picture(seed=4), "JPEG")}
    files.write(tmp_path / "mine", {**long, **kept})
    report = protect(tmp_path / "mine", tmp_path / "out", job())
    assert set(reasons(report)) == set(long) and report["pictures"] == len(kept)
    assert all("too long" in reason for reason in reasons(report).values())
    assert audit(tmp_path / "mine", tmp_path / "out", Budget())["within"]


def test_a_picture_that_changes_during_the_work_is_named(tmp_path: Path, job: JobMaker) -> None:
    folder = tmp_path / "mine"
    files.write(folder, {f"{i}.png": png(i) for i in range(8)})

    def change(fraction: float, note: str) -> None:
        """After the first chunk."""
        files.write(folder, {f"{i}.png": png(i + 100) for i in range(8)} if fraction == 0.5 else {})

    report = protect(folder, tmp_path / "out", job(), change)
    assert report["pictures"] == len(tree(tmp_path / "out")) == 4
    assert len(reasons(report)) == 4 and all("changed after the work began" in r for r in reasons(report).values())


def test_a_table_that_changes_during_the_work_ends_it(source: Path, tmp_path: Path, job: JobMaker) -> None:
    """Its rows would get the words and the pictures of others."""
    table = source / "metadata.jsonl"

    def change(fraction: float, note: str) -> None:
        table.write_text("\n".join(reversed(table.read_text().splitlines())) + "\n\n")

    with pytest.raises(UserError, match=r"metadata\.jsonl' was changed after the work began"):
        protect(source, tmp_path / "out", job(), change)
    assert not (tmp_path / "out" / "metadata.jsonl").exists()


def test_a_table_of_another_name_is_named(tmp_path: Path, job: JobMaker) -> None:
    files.write(tmp_path / "mine", {"a.png": png(), "captions.csv": b"file_name,caption\na.png,a cat\n"})
    report = protect(tmp_path / "mine", tmp_path / "out", job())
    assert "give its path" in reasons(report)["captions.csv"]
    with pytest.raises(UserError, match=r"'captions\.csv' is not read: .*\), and 'em' needs answers"):
        protect(tmp_path / "mine", tmp_path / "other", job("em"))


def test_a_file_that_is_no_data_set_asks_for_a_folder(tmp_path: Path, job: JobMaker) -> None:
    files.write(tmp_path, {"a.png": png()})
    with pytest.raises(UserError, match="is a file, and no table; allowed: a folder with pictures"):
        protect(tmp_path / "a.png", tmp_path / "out", job())
    assert not list(tmp_path.glob("out*"))
