"""Every change of a sealed folder is detected."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.store import checksums
from bench.store.checksums import MANIFEST, BrokenFolder

NAMES = st.text("abc.é ", min_size=1, max_size=8).filter(lambda name: name.strip(".") and name != MANIFEST)
FILES = st.dictionaries(NAMES, st.binary(max_size=200), max_size=4)


def write_and_seal(folder: Path, files: dict[str, bytes]) -> dict[str, object]:
    """Write files, half of them into a subfolder, seal the folder and return its manifest."""
    (folder / "deep").mkdir()
    for number, (name, content) in enumerate(files.items()):
        (folder / ("deep" if number % 2 else "") / name).write_bytes(content)
    return checksums.seal(folder, {"stage": "s", "payload": {"text": "ü"}, "cost": {"seconds": 1.25}})


@given(FILES)
def test_what_was_sealed_is_whole(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        manifest = write_and_seal(Path(name), files)
        assert checksums.check(Path(name)) == manifest == json.loads((Path(name) / MANIFEST).read_text())
        assert manifest["payload"] == {"text": "ü"}
        assert sorted(size for size, _ in manifest["files"].values()) == sorted(map(len, files.values()))


@given(FILES, st.data())
def test_any_changed_byte_is_seen(files: dict[str, bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_and_seal(Path(name), files)
        file = data.draw(st.sampled_from(sorted(p for p in Path(name).rglob("*") if p.is_file() and p.stat().st_size)))
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        with pytest.raises(BrokenFolder):
            checksums.check(Path(name))


@given(FILES, st.data())
def test_any_truncation_is_seen(files: dict[str, bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_and_seal(Path(name), files)
        file = data.draw(st.sampled_from(sorted(p for p in Path(name).rglob("*") if p.is_file() and p.stat().st_size)))
        content = file.read_bytes()
        file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
        with pytest.raises(BrokenFolder):
            checksums.check(Path(name))


@given(FILES, st.data())
def test_any_byte_too_many_is_seen(files: dict[str, bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_and_seal(Path(name), files)
        file = data.draw(st.sampled_from(sorted(p for p in Path(name).rglob("*") if p.is_file())))
        file.write_bytes(file.read_bytes() + data.draw(st.binary(min_size=1, max_size=3)))
        with pytest.raises(BrokenFolder):
            checksums.check(Path(name))


@given(st.binary(max_size=300))
def test_bytes_that_nobody_sealed_are_no_manifest(data: bytes) -> None:
    with pytest.raises(BrokenFolder):
        checksums.parse_manifest(data)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "deep/../../x"])
def test_a_manifest_names_nothing_outside_its_folder(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have written a shared store."""
    monkeypatch.setattr("bench.store.checksums.file_sizes", lambda folder: {name: 1})
    monkeypatch.setattr("bench.store.checksums._digest", lambda folder, name: "0" * 64)
    with pytest.raises(BrokenFolder, match="leaves the folder"):
        checksums.seal(tmp_path, {"stage": "s"})


def test_the_error_names_the_difference(tmp_path: Path) -> None:
    write_and_seal(tmp_path, {"a": b"12345"})
    (tmp_path / "a").write_bytes(b"1234")
    with pytest.raises(BrokenFolder, match="a has 4 bytes, not 5"):
        checksums.check(tmp_path)
    (tmp_path / "a").write_bytes(b"12346")
    with pytest.raises(BrokenFolder, match="a has changed"):
        checksums.check(tmp_path)
    (tmp_path / "a").unlink()
    with pytest.raises(BrokenFolder, match="a is missing"):
        checksums.check(tmp_path)
    with pytest.raises(BrokenFolder, match="No such file"):
        checksums.check(tmp_path / "nothing")
