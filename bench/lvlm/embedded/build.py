"""Random-weight models of the real Hugging Face classes, in the sizes of a `Recipe`, and their processors."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from bench.lvlm.embedded.recipes import Recipe

IMAGE_SIDE = 48
PATCH = 8

LLAVA_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}USER: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% else %} ASSISTANT: {{ m['content'][0]['text'] }}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %} ASSISTANT:{% endif %}"
)
QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = {
    "llava": ["<pad>", "<s>", "</s>", "<image>"],
    "qwen3_vl": [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    ],
}


def tokenizer(recipe: Recipe, corpus: list[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE of `recipe.vocabulary` entries, trained on `corpus`, with the family's chat template."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    specials = SPECIALS[recipe.family]
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(corpus, trainer)
    llava = recipe.family == "llava"
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token=specials[0],
        bos_token="<s>" if llava else None,
        eos_token="</s>" if llava else "<|im_end|>",
        additional_special_tokens=list(specials[3:]),
        chat_template=LLAVA_TEMPLATE if llava else QWEN_TEMPLATE,
    )


def image_processor(recipe: Recipe) -> CLIPImageProcessor | Qwen2VLImageProcessor:
    """The family's own image processor at `IMAGE_SIDE` pixels."""
    if recipe.family == "llava":
        side = {"height": IMAGE_SIDE, "width": IMAGE_SIDE}
        return CLIPImageProcessor(size=side, crop_size=side, do_center_crop=False)
    area = IMAGE_SIDE * IMAGE_SIDE
    return Qwen2VLImageProcessor(
        patch_size=PATCH,
        merge_size=2,
        size={"shortest_edge": area, "longest_edge": area},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )


def model(recipe: Recipe, tok: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A model with random weights from torch's global generator."""
    return _llava(recipe, tok) if recipe.family == "llava" else _qwen3_vl(recipe, tok)


def _text_sizes(recipe: Recipe, tok: PreTrainedTokenizerFast) -> dict[str, object]:
    return {
        "vocab_size": len(tok),
        "hidden_size": recipe.lm_width,
        "intermediate_size": 3 * recipe.lm_width,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "max_position_embeddings": 512,
        "pad_token_id": tok.pad_token_id,
        "eos_token_id": tok.eos_token_id,
        "tie_word_embeddings": True,
    }


def _llava(recipe: Recipe, tok: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=recipe.width,
            intermediate_size=3 * recipe.width,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            image_size=IMAGE_SIDE,
            patch_size=PATCH,
        ),
        text_config=LlamaConfig(
            **_text_sizes(recipe, tok), num_key_value_heads=recipe.heads, bos_token_id=tok.bos_token_id
        ),
        image_token_id=tok.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        image_seq_length=(IMAGE_SIDE // PATCH) ** 2,
        tie_word_embeddings=True,
    )
    return LlavaForConditionalGeneration(config)


def _qwen3_vl(recipe: Recipe, tok: PreTrainedTokenizerFast) -> Qwen3VLForConditionalGeneration:
    head = recipe.lm_width // recipe.heads
    ids = dict(zip(SPECIALS["qwen3_vl"], tok.convert_tokens_to_ids(SPECIALS["qwen3_vl"]), strict=True))
    config = Qwen3VLConfig(
        vision_config={
            "depth": recipe.layers,
            "hidden_size": recipe.width,
            "intermediate_size": 3 * recipe.width,
            "num_heads": recipe.heads,
            "patch_size": PATCH,
            "out_hidden_size": recipe.lm_width,
            "num_position_embeddings": (IMAGE_SIDE // PATCH) ** 2,
            "deepstack_visual_indexes": [1],
        },
        text_config={
            **_text_sizes(recipe, tok),
            "num_key_value_heads": recipe.heads // 2,
            "head_dim": head,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 500000.0,
                "mrope_section": [head // 2 - 2 * (head // 6), head // 6, head // 6],
                "mrope_interleaved": True,
            },
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    return Qwen3VLForConditionalGeneration(config)
