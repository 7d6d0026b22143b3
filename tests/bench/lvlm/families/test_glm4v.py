"""GLM-4.1V: the area of two frames, token types, and turns that have no end token of their own."""

from types import SimpleNamespace

import pytest
import torch
from transformers import Glm4vImageProcessor, Glm4vProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.glm4v import Glm4V
from bench.lvlm.text import Prompt
from tests.bench.lvlm.families.tiny.glm4v import build


@pytest.fixture(scope="module")
def model() -> LVLM:
    """A tiny model of patches of 14."""
    return build()


def test_a_picture_counts_twice_against_the_bounds(model: LVLM) -> None:
    """64 x 64: twice 56 x 56 is too small, twice 84 x 84 is enough; one frame alone would have to be 112 x 112."""
    assert model.layout((64, 64)) == (84, 84)
    assert model.layout((600, 600)) == (112, 112), "twice 140 x 140 is more than 2 * 24 * 28 * 28"
    single = Glm4vImageProcessor(size=dict(model.processor.size), temporal_patch_size=1)
    assert Glm4V("single", "random", model.model, model.tokenizer, single).layout((64, 64)) == (112, 112)


def test_a_picture_lower_than_a_token_is_stretched_first(model: LVLM) -> None:
    """1 x 180 becomes 28 x 5040 before the bounds apply, and shrinks; without that it would grow to 28 x 1064."""
    assert model.layout((1, 180)) == (28, 1820)


def test_a_conversation_reads_as_the_checkpoints_template_has_it(model: LVLM) -> None:
    """An answer is text, not a printed list, and ends with the end of text: GLM's turns end where the next begins."""
    encoded = model.encode([Prompt("What is this?", "a cat")], [(84, 84)])
    assert model.tokenizer.decode(encoded.ids[0]) == (
        f"[gMASK]<sop><|user|>\n<|begin_of_image|>{'<|image|>' * 9}<|end_of_image|>What is this?"
        "<|assistant|>\na cat<|endoftext|>"
    )
    assert model.tokenizer.decode(encoded.ids[0][encoded.answer[0]]) == "a cat<|endoftext|>"
    asked, begins = model.text.render(Prompt("What is this?"))
    assert asked.endswith("What is this?<|assistant|>\n") and begins == len(asked)


def test_the_next_speaker_ends_an_answer(model: LVLM) -> None:
    stops = {"<|endoftext|>", "<|user|>", "<|observation|>"}
    assert set(model.tokenizer.convert_ids_to_tokens(model.text.stops)) == stops


def test_token_types_are_the_processors(model: LVLM) -> None:
    layouts = [(84, 84), (112, 84)]
    encoded = model.encode([Prompt("What?"), Prompt("What is this?")], layouts, left=True)
    ids = model.tokenizer.convert_tokens_to_ids
    combined = SimpleNamespace(
        image_token_id=ids("<|image|>"), video_start_id=ids("<|begin_of_video|>"), video_end_id=ids("<|end_of_video|>")
    )
    theirs = Glm4vProcessor.create_mm_token_type_ids(combined, encoded.ids.tolist())
    types = model.generation_inputs(encoded, layouts)["mm_token_type_ids"]
    assert torch.equal(types, torch.tensor(theirs)) and int(types.sum()) == 9 + 12
