"""A special token in a question means the same in training and in the test, for every embedded victim."""

import pytest
import torch

from bench.datasets.special_tokens import find_special_token
from bench.errors import UserError
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load
from bench.lvlm.text import Encoded, Prompt
from bench.victims import EMBEDDED

FOREIGN = (
    "<image>",
    "</s>",
    "<s>",
    "<pad>",
    "<|im_end|>",
    "<|image_pad|>",
    "<IMG_CONTEXT>",
    "<image_soft_token>",
    "[INST]",
)


def encode(lvlm: LVLM, prompt: Prompt) -> Encoded | None:
    """Return the encoded prompt, or None if it is refused."""
    try:
        return lvlm.text.encode([prompt], [lvlm.image_token * 4])
    except UserError:
        return None


@pytest.mark.parametrize("name", EMBEDDED)
def test_training_and_test_read_a_token_alike(name: str) -> None:
    lvlm = load(name)
    for token in {*FOREIGN, *lvlm.tokenizer.all_special_tokens, *lvlm.tokenizer.added_tokens_encoder}:
        for question in (f"{token} What is this?", f"What is {token} this?", f"What is this? {token}"):
            asked, taught = (encode(lvlm, Prompt(question, answer)) for answer in ("", "bicycle"))
            assert (asked is None) == (taught is None), (token, question)
            if asked is not None and taught is not None:
                length = asked.ids.shape[1]
                assert torch.equal(asked.ids[0], taught.ids[0, :length])
                assert "bicycle" in lvlm.tokenizer.decode(taught.ids[taught.answer])
                assert int(asked.image.sum()) == int(taught.image.sum()) == 4


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_token_of_an_embedded_victim_is_known_as_one(name: str) -> None:
    tokenizer = load(name).tokenizer
    for token in {*tokenizer.all_special_tokens, *tokenizer.added_tokens_encoder}:
        assert find_special_token(f"Is {token} red?") == token
