"""MiniCPM-V 4.6: slices and packed patches; one recurrent layer to one of attention."""

from transformers import MiniCPMV4_6Config, MiniCPMV4_6ForConditionalGeneration, MiniCPMV4_6ImageProcessor

from bench.lvlm.base import LVLM
from bench.lvlm.families.minicpmv import MiniCPMV
from tests.bench.lvlm.families.tiny.parts import random, tokenizer

# As the checkpoint's, as far as the public descriptions of it go: Qwen's turns, an empty thought before an answer.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}<think>\n\n</think>\n\n"
    "{% endif %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<|image_pad|>\n"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n\n</think>\n\n{% endif %}"
)
SPECIALS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|video_pad|>", "<image>", "</image>", "<slice>",
    "</slice>", "<image_id>", "</image_id>", "<think>", "</think>",
)  # fmt: skip

NAMED = {
    "image_token": "<|image_pad|>", "video_token": "<|video_pad|>", "image_start_token": "<image>",
    "image_end_token": "</image>", "slice_start_token": "<slice>", "slice_end_token": "</slice>",
    "image_id_start_token": "<image_id>", "image_id_end_token": "</image_id>",
}  # fmt: skip


def build(downsample: str = "16x") -> LVLM:
    """Slices of about 32 x 32 pixels; a token sees 16 x 16, or 8 x 8 with `downsample` 4x."""
    tok = tokenizer(TEMPLATE, *SPECIALS, pad_token="<|endoftext|>", eos_token="<|im_end|>", extra_special_tokens=NAMED)
    config = MiniCPMV4_6Config(
        vision_config={
            "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 4,
        },
        text_config={
            "model_type": "qwen3_5_text", "vocab_size": len(tok), "hidden_size": 48, "intermediate_size": 64,
            "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
            "linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_num_key_heads": 2,
            "linear_num_value_heads": 4, "layer_types": ["linear_attention", "full_attention"] * 2,
            "max_position_embeddings": 1024, "tie_word_embeddings": True,
        },
        insert_layer_id=1,
        image_token_id=tok.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tok.convert_tokens_to_ids("<|video_pad|>"),
        downsample_mode=downsample,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = random(MiniCPMV4_6ForConditionalGeneration, config)
    model.generation_config.eos_token_id = tok.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    processor = MiniCPMV4_6ImageProcessor(
        scale_resolution=32, patch_size=4, max_slice_nums=6, downsample_mode=downsample
    )
    return MiniCPMV("minicpmv", "random", model, tok, processor)


VARIANTS = {"minicpmv": build}
