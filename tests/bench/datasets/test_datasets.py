"""Data sets are found by name, and their identity is that of their files."""

import hashlib
import re
from pathlib import Path

import pytest

from bench import datasets
from bench.datasets import source as sources
from bench.datasets.cards import EMBEDDED, Card
from bench.errors import UserError
from bench.samples import SampleSet


@pytest.mark.parametrize("function", [datasets.check, lambda name: datasets.load(name, "test"), sources.source])
def test_an_unknown_data_set_suggests_the_nearest(function) -> None:
    with pytest.raises(UserError, match=r"dataset: 'emoji_catalogue' .*did you mean 'emoji_catalog'\?; allowed: emoji"):
        function("emoji_catalogue")
    with pytest.raises(UserError) as far:
        function("zzz")
    assert "did you mean" not in str(far.value)


def test_a_split_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy_data_set.py").write_text(
        "from bench.samples import SampleSet\ncalls = []\n"
        "def load(split):\n    calls.append(split)\n    return SampleSet(())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(EMBEDDED, "toy", Card("toy_data_set", "a toy", "CC0"))
    datasets.load.cache_clear()
    assert isinstance(datasets.load("toy", "train"), SampleSet)
    assert datasets.load("toy", "train") is datasets.load("toy", "train")
    datasets.load("toy", "test")
    assert __import__("toy_data_set").calls == ["train", "test"]


def test_the_identity_changes_with_code_and_art_and_not_with_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    monkeypatch.setattr(sources, "__file__", str(tmp_path / "bench" / "datasets" / "source.py"))
    monkeypatch.setitem(EMBEDDED, "toy", Card("toy.load", "a toy", "CC0"))
    seen = []
    for name, changes in (("load.py", True), ("art.parquet", True), ("other.py", True), ("notes.txt", False)):
        (folder / name).write_text(name)
        sources.source.cache_clear()
        seen.append(sources.source("toy"))
        assert (len(seen) < 2 or seen[-1] != seen[-2]) is changes
    sources.source.cache_clear()


def test_the_identity_changes_with_what_a_data_set_stands_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("toy", "other", "third"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "load.py").write_text(package)
    monkeypatch.setattr(sources, "__file__", str(tmp_path / "bench" / "datasets" / "source.py"))
    monkeypatch.setitem(EMBEDDED, "toy", Card("toy.load", "a toy", "CC0", ("other",)))
    monkeypatch.setitem(EMBEDDED, "alone", Card("toy.load", "the same on its own", "CC0"))
    seen = []
    for changed in ("third/load.py", "other/load.py", "toy/load.py"):
        sources.source.cache_clear()
        seen.append((sources.source("toy"), sources.source("alone")))
        (tmp_path / changed).write_text("changed")
    sources.source.cache_clear()
    seen.append((sources.source("toy"), sources.source("alone")))
    sources.source.cache_clear()
    whole, alone = zip(*seen, strict=True)
    assert whole[0] == whole[1] != whole[2] != whole[3]
    assert alone[0] == alone[1] == alone[2] != alone[3]
    assert alone[0] == hashlib.sha256(b"toy").hexdigest()[:16]


def test_what_a_card_stands_on_is_what_its_package_imports() -> None:
    """No embedded data set is made with a package or module that its identity does not cover."""
    root = Path(datasets.__file__).parent
    for name, card in EMBEDDED.items():
        own = card.module.rpartition(".")[0]
        files = (root.parent.parent / own.replace(".", "/")).glob("*.py")
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        used = {".".join(["bench.datasets", package]) for package in re.findall(r"from bench\.datasets\.(\w+)", text)}
        assert used - {own} == set(card.stands_on), name
