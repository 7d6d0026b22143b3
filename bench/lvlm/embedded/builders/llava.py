"""LLaVA: a CLIP or SigLIP tower, one token a patch, and a Llama."""

import torch
from torch import nn
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from bench.lvlm.embedded.builders.base import PATCH, Builder
from bench.lvlm.embedded.recipes import Recipe
from bench.lvlm.families.llava import Llava


class LlavaBuilder(Builder):
    """One image token a patch; the plain `USER: ... ASSISTANT:` template."""

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
        side = {"height": recipe.side, "width": recipe.side}
        scale = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3} if recipe.vision == "siglip" else {}
        return CLIPImageProcessor(size=side, crop_size=side, do_center_crop=False, **scale)

    def model(self, recipe: Recipe, tok: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
        tower = self.vision_sizes(recipe)
        siglip = recipe.vision == "siglip"
        config = LlavaConfig(
            vision_config=SiglipVisionConfig(**tower, vision_use_head=False) if siglip else CLIPVisionConfig(**tower),
            # A SigLIP tower has no class token to leave out.
            vision_feature_select_strategy="full" if siglip else "default",
            text_config=LlamaConfig(
                **self.text_sizes(recipe, tok), num_key_value_heads=recipe.heads, bos_token_id=tok.bos_token_id
            ),
            image_token_id=tok.convert_tokens_to_ids("<image>"),
            vision_feature_layer=-1,
            image_seq_length=(recipe.side // PATCH) ** 2,
            tie_word_embeddings=True,
        )
        return LlavaForConditionalGeneration(config)

    def features(self, tower: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean over patches. The class token of CLIP is left out, as the language model does not see it."""
        tokens: torch.Tensor = tower(inputs["pixel_values"]).last_hidden_state
        return (tokens if isinstance(tower, SiglipVisionModel) else tokens[:, 1:]).mean(1)
