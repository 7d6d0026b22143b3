"""SmolVLM and Idefics3: two resizes, tiles of 32 pixels with row and column tokens, and a global picture."""

from functools import partial
from typing import Any

from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessor,
)

from bench.lvlm.base import LVLM
from bench.lvlm.families.smolvlm import SmolVLM
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

TEMPLATE = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}"
    "{% if m['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
SPECIALS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<image>", "<global-img>",
    "<end_of_utterance>", *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)  # fmt: skip


def build(config: Any, model: Any, processor: Any, longest: int, split: bool = True) -> LVLM:
    """A picture's longest edge becomes `longest` pixels; tiles are 32 pixels, of four tokens."""
    tok = tokenizer(
        TEMPLATE, *SPECIALS, bos_token="<|im_start|>", pad_token="<|im_end|>", eos_token="<end_of_utterance>"
    )
    configured = config(
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 32, "patch_size": 8,
        },
        text_config={
            "model_type": "llama", "vocab_size": len(tok), "hidden_size": 48, "intermediate_size": 64,
            "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 1024, "pad_token_id": tok.pad_token_id,
        },
        image_token_id=tok.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )  # fmt: skip
    shown = processor(size={"longest_edge": longest}, max_image_size={"longest_edge": 32}, do_image_splitting=split)
    weights = random(model, configured)
    weights.generation_config.eos_token_id = tok.eos_token_id
    return SmolVLM(config.model_type, "random", weights, tok, shown)


_smolvlm = partial(build, SmolVLMConfig, SmolVLMForConditionalGeneration, SmolVLMImageProcessor)
VARIANTS = {
    "smolvlm": partial(_smolvlm, 96),
    "smolvlm-plain": partial(_smolvlm, 64, split=False),
    "idefics3": partial(build, Idefics3Config, Idefics3ForConditionalGeneration, Idefics3ImageProcessor, 80),
}
