"""Data sets are found by name, and their identity is that of their files."""

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
