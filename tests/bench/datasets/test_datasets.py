"""Data sets are loaded by name, and their identity changes with their files."""

import hashlib
import re
from pathlib import Path

import pytest

from bench import datasets
from bench.datasets import identity
from bench.datasets.cards import EMBEDDED, DatasetCard
from bench.errors import UserError
from bench.samples import SampleSet


@pytest.mark.parametrize(
    "function", [datasets.check, lambda name: datasets.load(name, "test"), identity.dataset_identity]
)
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
    monkeypatch.setitem(EMBEDDED, "toy", DatasetCard("toy_data_set", "a toy", "CC0"))
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
    monkeypatch.setattr(identity, "__file__", str(tmp_path / "bench" / "datasets" / "identity.py"))
    monkeypatch.setitem(EMBEDDED, "toy", DatasetCard("toy.load", "a toy", "CC0"))
    identities = []
    for name, changes in (("load.py", True), ("art.parquet", True), ("other.py", True), ("notes.txt", False)):
        (folder / name).write_text(name)
        identity.dataset_identity.cache_clear()
        identities.append(identity.dataset_identity("toy"))
        assert (len(identities) < 2 or identities[-1] != identities[-2]) is changes
    identity.dataset_identity.cache_clear()


def test_the_identity_changes_with_what_a_data_set_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("toy", "other", "third"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "load.py").write_text(package)
    monkeypatch.setattr(identity, "__file__", str(tmp_path / "bench" / "datasets" / "identity.py"))
    monkeypatch.setitem(EMBEDDED, "toy", DatasetCard("toy.load", "a toy", "CC0", ("other",)))
    monkeypatch.setitem(EMBEDDED, "alone", DatasetCard("toy.load", "the same on its own", "CC0"))
    identities = []
    for changed in ("third/load.py", "other/load.py", "toy/load.py"):
        identity.dataset_identity.cache_clear()
        identities.append((identity.dataset_identity("toy"), identity.dataset_identity("alone")))
        (tmp_path / changed).write_text("changed")
    identity.dataset_identity.cache_clear()
    identities.append((identity.dataset_identity("toy"), identity.dataset_identity("alone")))
    identity.dataset_identity.cache_clear()
    whole, alone = zip(*identities, strict=True)
    assert whole[0] == whole[1] != whole[2] != whole[3]
    assert alone[0] == alone[1] == alone[2] != alone[3]
    assert alone[0] == hashlib.sha256(b"toy").hexdigest()[:16]


def test_a_card_depends_on_all_that_its_package_imports() -> None:
    """No embedded data set is made with a package or module that its identity does not cover."""
    root = Path(datasets.__file__).parent
    for name, card in EMBEDDED.items():
        package = card.module.rpartition(".")[0]
        imported = {package}
        for part in imported_parts(root, package):
            imported |= {part} | imported_parts(root, part)
        assert imported - {package} == set(card.depends_on), name


def imported_parts(root: Path, name: str) -> set[str]:
    """The packages and modules of `bench.datasets` that a package or module of it imports."""
    place = root / name.rpartition(".")[2]
    files = place.glob("*.py") if place.is_dir() else [place.with_suffix(".py")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return {f"bench.datasets.{part}" for part in re.findall(r"from bench\.datasets\.(\w+)", text)}
