"""A checkpoint's revision is that of the files that decide what it computes; its family is in its config."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.game.threat import PAPER, surrogates
from bench.paths import home
from bench.victims import (
    EMBEDDED,
    HUB,
    architecture,
    check,
    family,
    folder,
    locate,
    precision,
    require,
    revision,
    split,
)


@pytest.fixture(autouse=True)
def _no_hub_cache(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(bench_home / "hub"))
    monkeypatch.delenv("BENCH_MODELS", raising=False)
    revision.cache_clear()


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
        assert architecture(name) == architecture(str(folder(name))) == EMBEDDED[name]
        assert family(name) == family(str(folder(name)))


def test_a_local_checkpoint_has_the_papers_surrogates(checkpoint: Path) -> None:
    local = str(checkpoint)
    assert surrogates(local, "white") == (local,)
    assert surrogates(local, "gray") == ("llava-1.5-7b",)
    assert surrogates(local, "black") == PAPER
    assert surrogates(local, "gray", ["tiny-llava-a"]) == ("tiny-llava-a",)


@pytest.mark.parametrize("name", HUB)
def test_the_catalog_is_complete(name: str) -> None:
    hub = HUB[name]
    check(name)
    assert hub.source.count("/") == 1 and hub.licence and hub.gigabytes > 0
    assert (hub.commit is None and "no commit" in hub.note) or len(hub.commit or "") == 40
    assert family(name)
    assert precision(name) == ("fp32" if name == "smolvlm-256m" else "bf16")
    assert revision(name) == (hub.commit or name)


def test_a_precision_follows_the_at_sign() -> None:
    assert split("qwen3-vl-4b@4bit") == ("qwen3-vl-4b", "4bit")
    assert split("me@home/model") == ("me@home/model", None)
    assert precision("qwen3-vl-4b@4bit") == "4bit" and precision("tiny-llava-a") == "fp32"
    assert family("tiny-llava-a@bf16") == "llava" and revision("tiny-llava-a@bf16") == revision("tiny-llava-a")
    with pytest.raises(UserError, match="not known"):
        check("tiny-llava-a@int3")


def test_a_local_checkpoint_is_computed_as_large_as_it_is(checkpoint: Path) -> None:
    assert precision(str(checkpoint)) == "fp32"
    with (checkpoint / "model-2.safetensors").open("wb") as large:
        large.truncate(10**9)
    assert precision(str(checkpoint)) == "bf16" and precision(f"{checkpoint}@fp32") == "fp32"


@pytest.mark.parametrize("folder_name", ["llava-1.5-7b", "llava-1.5-7b-hf"])
def test_a_copy_in_the_models_folder_is_found_and_has_the_revision_of_its_files(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, folder_name: str
) -> None:
    monkeypatch.setenv("BENCH_MODELS", str(checkpoint.parent))
    copy = checkpoint.rename(checkpoint.with_name(folder_name))
    assert locate("llava-1.5-7b") == locate("llava-1.5-7b@4bit") == copy
    assert revision("llava-1.5-7b") == revision(str(copy)) != HUB["llava-1.5-7b"].commit


def test_a_download_in_the_hubs_cache_is_found_and_has_the_revision_of_its_commit(bench_home: Path) -> None:
    hub = HUB["llava-1.5-7b"]
    place = bench_home / "hub" / "models--llava-hf--llava-1.5-7b-hf" / "snapshots" / str(hub.commit)
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    assert locate("llava-1.5-7b") == place and revision("llava-1.5-7b") == hub.commit
    assert locate("qwen3-vl-4b") is None


def test_a_missing_model_says_what_to_download_how_large_it_is_and_where_a_copy_may_be() -> None:
    require(EMBEDDED)
    with pytest.raises(UserError) as error:
        require(["tiny-llava-a", "llama-3.2-11b-vision@4bit"])
    for part in (
        "'llama-3.2-11b-vision@4bit' is not on this machine", "meta-llama/Llama-3.2-11B-Vision-Instruct", "21.3 GB",
        "gated", "hf download", "9eb2daaa8597bf192a8b0e73f848f3a102794df5", "$BENCH_MODELS",
    ):  # fmt: skip
        assert part in str(error.value)


def test_a_large_checkpoint_is_read_once(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = revision(str(checkpoint))
    revision.cache_clear()
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("read again"))
    assert revision(str(checkpoint)) == first


def test_the_home_is_where_the_variable_says_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_HOME", "results")
    assert home() == tmp_path / "results"
    monkeypatch.delenv("BENCH_HOME")
    assert home() == tmp_path / ".bench"
    assert not list(tmp_path.iterdir())
