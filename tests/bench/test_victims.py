"""A checkpoint's revision is that of the files that decide what it computes; its family is in its config."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.paths import home
from bench.threat import surrogates
from bench.victims import EMBEDDED, family, folder, revision


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Path]:
    """A local checkpoint of the family of LLaVA."""
    made = tmp_path / "checkpoint"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"model_type": "llava"}))
    for name in ("model.safetensors", "chat_template.jinja", "merges.txt", "card.json", "README.md"):
        (made / name).write_text(name)
    revision.cache_clear()
    yield made
    revision.cache_clear()


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("config.json", True), ("model.safetensors", True), ("chat_template.jinja", True), ("merges.txt", True),
        ("added_tokens.json", True), ("card.json", False), ("README.md", False),
    ],
)  # fmt: skip
def test_a_revision_changes_with_what_is_computed_and_nothing_else(checkpoint: Path, file: str, counts: bool) -> None:
    before = revision(str(checkpoint))
    (checkpoint / file).write_text("edited")
    revision.cache_clear()
    assert (revision(str(checkpoint)) != before) is counts


def test_a_revision_does_not_change_with_the_place(checkpoint: Path) -> None:
    before = revision(str(checkpoint))
    assert before == revision(str(checkpoint.rename(checkpoint.with_name("elsewhere"))))
    elsewhere = checkpoint.with_name("elsewhere")
    (elsewhere / "merges.txt").rename(elsewhere / "vocab.txt")
    revision.cache_clear()
    assert revision(str(elsewhere)) != before


def test_a_name_on_the_hub_is_its_own_revision() -> None:
    assert revision("nobody/nothing") == "nobody/nothing"


def test_embedded_checkpoints_are_told_apart() -> None:
    assert len({revision(name) for name in EMBEDDED}) == len(EMBEDDED)
    for name in EMBEDDED:
        assert family(name) == family(str(folder(name))) == EMBEDDED[name]


def test_a_local_checkpoint_has_surrogates_by_its_family(checkpoint: Path) -> None:
    local = str(checkpoint)
    assert surrogates(local, "white") == (local,)
    assert surrogates(local, "gray") == tuple(name for name, f in EMBEDDED.items() if f == "llava")
    assert surrogates(local, "black") == tuple(name for name, f in EMBEDDED.items() if f != "llava")


def test_the_home_is_where_the_variable_says_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_HOME", "results")
    assert home() == tmp_path / "results"
    monkeypatch.delenv("BENCH_HOME")
    assert home() == tmp_path / ".bench"
    assert not list(tmp_path.iterdir())
