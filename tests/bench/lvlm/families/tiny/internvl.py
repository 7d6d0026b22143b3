"""InternVL3.5: tiles and a thumbnail for large or long pictures, a pixel shuffle, Qwen3 with q and k norms."""

from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLVisionConfig,
    Qwen3Config,
)

from bench.lvlm.base import LVLM
from bench.lvlm.families.internvl import InternVL
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<IMG_CONTEXT>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<video>")
NAMED = {
    "start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}  # fmt: skip


def build(max_patches: int) -> LVLM:
    tok = tokenizer(
        TEMPLATE, *SPECIALS, pad_token="<|endoftext|>", eos_token="<|im_end|>", extra_special_tokens=NAMED
    )  # fmt: skip
    config = InternVLConfig(
        vision_config=InternVLVisionConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=32,
            patch_size=8, attention_bias=True,
        ),
        text_config=Qwen3Config(
            vocab_size=len(tok), hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, head_dim=16, max_position_embeddings=1024, tie_word_embeddings=True,
        ),
        image_token_id=tok.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )  # fmt: skip
    processor = GotOcr2ImageProcessor(
        size={"height": 32, "width": 32}, crop_to_patches=True, min_patches=1, max_patches=max_patches,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )  # fmt: skip
    return InternVL("internvl", "random", random(InternVLForConditionalGeneration, config), tok, processor)


def tiled() -> LVLM:
    """Up to four tiles."""
    return build(4)


def plain() -> LVLM:
    """Every picture at the tile's size."""
    return build(1)


VARIANTS = {"internvl": tiled, "internvl-plain": plain}
