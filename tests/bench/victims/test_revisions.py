"""A revision is a hash of the files that decide what a checkpoint computes."""

import os
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.victims import EMBEDDED, architecture, embedded_folder, family, list_files, precision, revision


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


def test_files_in_subfolders_count(checkpoint: Path) -> None:
    before = revision(str(checkpoint))
    (checkpoint / "additional_chat_templates").mkdir()
    (checkpoint / "additional_chat_templates" / "tools.jinja").write_text("x")
    revision.cache_clear()
    assert revision(str(checkpoint)) != before


def test_another_content_of_the_same_size_and_time_is_another_revision(checkpoint: Path) -> None:
    file = checkpoint / "model.safetensors"
    before, times = revision(str(checkpoint)), file.stat()
    file.write_text(file.read_text().swapcase())
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    revision.cache_clear()
    assert file.stat().st_mtime_ns == times.st_mtime_ns and file.stat().st_size == times.st_size
    assert revision(str(checkpoint)) != before


def test_a_folder_that_is_called_like_a_download_is_hashed(checkpoint: Path) -> None:
    place = checkpoint.parent / "snapshots" / ("0" * 40)
    place.parent.mkdir()
    assert revision(str(checkpoint.rename(place))) != "0" * 40


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/hostname", "../other.json", "nowhere", "config.json"])
def test_links_out_of_the_folder_are_refused_unread(checkpoint: Path, target: str) -> None:
    (checkpoint.parent / "other.json").write_text("{}")
    (checkpoint / "config.json").unlink()
    (checkpoint / "config.json").symlink_to(target)
    (checkpoint / "more").mkdir()
    with pytest.raises(UserError, match=r"'config.json' of .* is a link to .*; allowed: "):
        list_files(checkpoint)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_pipe_is_refused_unread(checkpoint: Path, name: str) -> None:
    (checkpoint / name).unlink()
    os.mkfifo(checkpoint / name)
    for read in (revision, precision):
        with pytest.raises(UserError, match=f"'{name}' of .* is no ordinary file; allowed: a file"):
            read(str(checkpoint))


@pytest.mark.parametrize("text", ["[]", "", "7", '{"model_type": 7}', '{"model_type": ["llava"]}', "{}", "[" * 10**5])
def test_a_config_without_an_architecture_is_one_line(checkpoint: Path, text: str) -> None:
    (checkpoint / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"^victim: .*'config.json' of .*; allowed: .*$"):
        architecture(str(checkpoint))
