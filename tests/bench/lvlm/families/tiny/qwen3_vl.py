"""Qwen3-VL: native resolution within bounds, deepstack features, interleaved multimodal rotary positions."""

from transformers import Qwen2VLImageProcessor, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from bench.lvlm.base import LVLM
from bench.lvlm.families.qwen3_vl import Qwen3VL
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
    "<|video_pad|>",
)  # fmt: skip


def build() -> LVLM:
    tok = tokenizer(TEMPLATE, *SPECIALS, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    ids = dict(zip(SPECIALS, tok.convert_tokens_to_ids(list(SPECIALS)), strict=True))
    config = Qwen3VLConfig(
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "patch_size": 8,
            "out_hidden_size": 48, "num_position_embeddings": 36, "deepstack_visual_indexes": [0],
        },
        text_config={
            "vocab_size": len(tok), "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 1024,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 500000.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True,
            },
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )  # fmt: skip
    processor = Qwen2VLImageProcessor(patch_size=8, merge_size=2, size={"shortest_edge": 1024, "longest_edge": 25600})
    return Qwen3VL("qwen3-vl", "random", random(Qwen3VLForConditionalGeneration, config), tok, processor)


VARIANTS = {"qwen3_vl": build}
