"""A revision is a hash of the files that decide what a checkpoint computes."""

from pathlib import Path

import pytest

from bench.victims import EMBEDDED, architecture, embedded_folder, family, revision


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
        assert architecture(name) == architecture(str(embedded_folder(name))) == EMBEDDED[name]
        assert family(name) == family(str(embedded_folder(name)))


def test_a_large_checkpoint_is_read_once(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = revision(str(checkpoint))
    revision.cache_clear()
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("read again"))
    assert revision(str(checkpoint)) == first
