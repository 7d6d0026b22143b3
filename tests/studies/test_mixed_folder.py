"""The study of a mixed folder has every kind of picture, and sees what is lost."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from studies import mixed_folder
from tests.bench.owner import files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the study, whose largest picture is smaller."""
    monkeypatch.setattr(mixed_folder, "LARGE", (500, 600))
    photos = [files.encode(files.picture(seed=i), "WEBP") for i in range(mixed_folder.PHOTOS)]
    names = mixed_folder.write_folder(tmp_path / "mine", photos)
    assert len(names) >= 200 and all((tmp_path / "mine" / name).is_file() for name in names)
    return tmp_path / "mine"


def test_the_folder_has_every_kind_of_picture(folder: Path) -> None:
    kinds = set()
    for place in ("turned", "alpha", "cmyk", "grey", "deep", "palette", "progressive", "odd", "photos"):
        for file in (folder / place).iterdir():
            with Image.open(file) as picture:
                kinds.add((picture.format, picture.mode))
    assert {("JPEG", "CMYK"), ("PNG", "I;16"), ("TIFF", "RGBA"), ("GIF", "P"), ("PNG", "L"), ("WEBP", "RGB")} <= kinds


def test_a_lost_picture_is_seen(tmp_path: Path) -> None:
    line = json.dumps({"files": {"a.jpg": "a.png"}}) + "\n"
    files.write(tmp_path, {"pictures.jsonl": line.encode(), "report.json": b'{"left_out": [{"name": "b.png"}]}'})
    assert mixed_folder.find_lost(["a.jpg", "b.png", "c.png"], tmp_path) == ["c.png"]


def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    files.write(tmp_path, {"a/x": b"1", "b/x": b"1", "c/x": b"2"})
    first, same, other = (mixed_folder.hash_files(tmp_path / name) for name in "abc")
    assert first == same != other


def test_a_command_is_killed_and_then_ends(tmp_path: Path) -> None:
    """Its first start would take a minute."""
    mark = tmp_path / "begun"
    program = (
        f"import os, time; new = not os.path.exists({str(mark)!r}); open({str(mark)!r}, 'w'); time.sleep(60 * new)"
    )
    assert mixed_folder.run_killed([sys.executable, "-S", "-c", program], [2.0]) == 0 and mark.exists()
