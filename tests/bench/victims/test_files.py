"""Copies and downloads are located, and a missing model says what to do."""

import hashlib
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.victims import EMBEDDED, HUB, check_available, is_pinned, locate, revision


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
    blobs = place.parents[1] / "blobs"
    blobs.mkdir()
    git, large = hashlib.sha1(b"blob 2\0{}").hexdigest(), hashlib.sha256(b"weights").hexdigest()
    settings = [(f"{name}.json", git, b"{}") for name in ("config", "tokenizer_config", "preprocessor_config")]
    for name, blob, content in (*settings, ("model.safetensors", large, b"weights")):
        (blobs / blob).write_bytes(content)
        (place / name).symlink_to(f"../../blobs/{blob}")
    assert locate("llava-1.5-7b") == place and revision("llava-1.5-7b") == hub.commit
    assert locate("qwen3-vl-4b") is None and is_pinned("llava-1.5-7b@4bit") and not is_pinned("tiny-llava-a")
    (blobs / large).write_bytes(b"another")
    revision.cache_clear()
    assert not is_pinned("llava-1.5-7b") and revision("llava-1.5-7b") != hub.commit, (
        "a blob that was edited is no download of that commit"
    )


def test_a_name_that_no_file_system_takes_is_no_folder() -> None:
    assert locate("x" * 5000) is None and locate("x\0y") is None


def test_a_missing_model_says_what_to_download_how_large_it_is_and_where_a_copy_may_be() -> None:
    check_available(EMBEDDED)
    with pytest.raises(UserError) as error:
        check_available(["tiny-llava-a", "llama-3.2-11b-vision@4bit"])
    for part in (
        "'llama-3.2-11b-vision@4bit' is not on this machine", "meta-llama/Llama-3.2-11B-Vision-Instruct", "21.3 GB",
        "gated", "hf download", "9eb2daaa8597bf192a8b0e73f848f3a102794df5", "$BENCH_MODELS",
    ):  # fmt: skip
        assert part in str(error.value)
