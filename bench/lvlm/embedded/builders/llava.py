"""LLaVA: a CLIP tower, one token a patch, and a Llama."""

import torch
from torch import nn
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from bench.lvlm.embedded.builders.base import IMAGE_SIDE, PATCH, Builder
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.families.llava import Llava


class LlavaBuilder(Builder):
    """36 image tokens; the plain `USER: ... ASSISTANT:` template."""

    family = Llava
    specials = ("<pad>", "<s>", "</s>", "<image>")
    roles = {
        "pad_token": "<pad>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "additional_special_tokens": ["<image>"],
    }
    template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}USER: {% for c in m['content'] %}"
        "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
        "{% else %} ASSISTANT: {{ m['content'][0]['text'] }}</s>{% endif %}{% endfor %}"
        "{% if add_generation_prompt %} ASSISTANT:{% endif %}"
    )

    def image_processor(self, recipe: Recipe) -> CLIPImageProcessor:
        side = {"height": IMAGE_SIDE, "width": IMAGE_SIDE}
        return CLIPImageProcessor(size=side, crop_size=side, do_center_crop=False)

    def model(self, recipe: Recipe, tok: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
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
                **self.text_sizes(recipe, tok), num_key_value_heads=recipe.heads, bos_token_id=tok.bos_token_id
            ),
            image_token_id=tok.convert_tokens_to_ids("<image>"),
            vision_feature_layer=-1,
            image_seq_length=(IMAGE_SIDE // PATCH) ** 2,
            tie_word_embeddings=True,
        )
        return LlavaForConditionalGeneration(config)

    def features(self, tower: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean without the class token, which the language model does not see either."""
        tokens: torch.Tensor = tower(inputs["pixel_values"]).last_hidden_state
        return tokens[:, 1:].mean(1)
