"""Family and precision, by the name or by the files."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.game.threat import PAPER, surrogates
from bench.victims import check, family, precision, revision, split_precision


def test_a_precision_follows_the_at_sign() -> None:
    assert split_precision("qwen3-vl-4b@4bit") == ("qwen3-vl-4b", "4bit")
    assert split_precision("me@home/model") == ("me@home/model", None)
    assert precision("qwen3-vl-4b@4bit") == "4bit" and precision("tiny-llava-a") == "fp32"
    assert family("tiny-llava-a@bf16") == "llava" and revision("tiny-llava-a@bf16") == revision("tiny-llava-a")
    with pytest.raises(UserError, match="not known"):
        check("tiny-llava-a@int3")


def test_a_local_checkpoint_is_computed_as_large_as_it_is(checkpoint: Path) -> None:
    assert precision(str(checkpoint)) == "fp32"
    with (checkpoint / "model-2.safetensors").open("wb") as large:
        large.truncate(10**9)
    assert precision(str(checkpoint)) == "bf16" and precision(f"{checkpoint}@fp32") == "fp32"


def test_a_local_checkpoint_has_the_papers_surrogates(checkpoint: Path) -> None:
    local = str(checkpoint)
    assert surrogates(local, "white") == (local,)
    assert surrogates(local, "gray") == ("llava-1.5-7b",)
    assert surrogates(local, "black") == PAPER
    assert surrogates(local, "gray", ["tiny-llava-a"]) == ("tiny-llava-a",)
