"""A prepared data set is whole, of this version, and identified by its source; otherwise an error says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bench import datasets
from bench.datasets import hub_store, identity
from bench.datasets.cards import HUB
from bench.datasets.prepare import prepare_dataset
from bench.errors import UserError
from bench.game.playable import check_playable
from bench.spec import Method, RunSpec
from tests.bench.datasets.hub import shelf


@contextmanager
def quietly(title: str) -> Iterator[Any]:
    yield lambda fraction, note: None


@pytest.fixture
def mmstar(bench_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A prepared data set; its folder."""
    copy = tmp_path_factory.mktemp("copy")
    shelf.fill("mmstar", copy, 20)
    prepare_dataset("mmstar", copy, None, quietly)
    for cached in (datasets.load, identity.dataset_identity):
        cached.cache_clear()
    yield hub_store.folder("mmstar")
    for cached in (datasets.load, identity.dataset_identity):
        cached.cache_clear()


def spec(dataset: str) -> RunSpec:
    return RunSpec(defense=Method(name="none"), attack=Method(name="none"), dataset=dataset, victim="tiny-llava-a")


def test_what_is_not_prepared_cannot_be_loaded_or_played_and_says_what_to_run(bench_home: Path) -> None:
    message = (
        r"dataset: 'vqa-rad' \(flaviagiammarino/vqa-rad, about 34 MB, .*\) is not prepared; `bench data prepare vqa-"
    )
    for use in (lambda: hub_store.load_split("vqa-rad", "test"), lambda: check_playable(spec("vqa-rad"))):
        with pytest.raises(UserError, match=message):
            use()


def test_what_is_prepared_can_be_played(mmstar: Path) -> None:
    check_playable(spec("mmstar"))
    assert sum(len(datasets.load("mmstar", split)) for split in ("train", "validation", "test")) == 20


def test_the_identity_can_be_named_before_there_are_data_and_changes_with_them(mmstar: Path, bench_home: Path) -> None:
    with_data = identity.dataset_identity("mmstar")
    assert hub_store.require_prepared("mmstar")["revision"] in with_data
    for file in sorted(mmstar.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    mmstar.rmdir()
    identity.dataset_identity.cache_clear()
    planned = identity.dataset_identity("mmstar")
    assert planned != with_data and HUB["mmstar"].revision in planned and hub_store.source_hash("mmstar") in planned


def test_another_adapter_or_split_rule_asks_to_prepare_again(mmstar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_store, "source_hash", lambda name: "another")
    with pytest.raises(
        UserError, match=r"'mmstar' was prepared by another version .*; `bench data prepare mmstar` again"
    ):
        hub_store.load_split("mmstar", "test")


def test_the_rule_is_the_adapters_source_and_the_shared_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bench").mkdir()
    monkeypatch.setattr(hub_store, "BENCH", tmp_path / "bench")
    files = ["datasets/hub/mmstar.py", *hub_store.SHARED_SOURCES, "datasets/prepare.py", "datasets/hub/docvqa.py"]
    for file in files:
        (tmp_path / "bench" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bench" / file).write_text(file)
    hashes = [hub_store.source_hash.__wrapped__("mmstar")]
    for file in files:
        (tmp_path / "bench" / file).write_text("changed")
        hashes.append(hub_store.source_hash.__wrapped__("mmstar"))
    assert [a != b for a, b in pairwise(hashes)] == [True] * (len(files) - 2) + [False] * 2


def test_a_manifest_that_was_edited_is_told(mmstar: Path) -> None:
    file = mmstar / "manifest.json"
    file.write_text(file.read_text().replace('"malformed": 0', '"malformed": 1'))
    with pytest.raises(
        UserError, match=r"'mmstar' in .*: manifest.json is damaged .*; `bench data prepare mmstar` again"
    ):
        hub_store.load_split("mmstar", "test")
