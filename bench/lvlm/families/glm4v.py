"""GLM-4.1V: bounds on the area of two frames, and a language model with one matrix for gate and up projection."""

from transformers.models.glm4v.image_processing_pil_glm4v import smart_resize

from bench.lvlm.families.native import NativeResolution


class Glm4V(NativeResolution):
    """`Glm4vForConditionalGeneration` with `Glm4vImageProcessor`: native resolution, patches of 14.

    A picture counts as temporal_patch_size frames, whose area together lies within the bounds; sides shorter than a
    token's square are stretched to it first.
    """

    image_token = "<|image|>"
    language_modules = r".*language_model.*\.(q|k|v|o|gate_up|down)_proj"
    projector_modules = r".*visual\.merger\.(proj|gate_proj|up_proj|down_proj)"
    tower_modules = r".*visual\.blocks.*\.(qkv|proj|gate_proj|up_proj|down_proj)"
    tower_prefixes = (
        "model.visual.blocks.",
        "model.visual.patch_embed.",
        "model.visual.embeddings.",
        "model.visual.post_conv_layernorm.",
        "model.visual.post_layernorm.",
        "model.visual.downsample.",
    )

    def smart_resize(self, size: tuple[int, int]) -> tuple[int, int]:
        frames, area = self.processor.temporal_patch_size, self.processor.size
        target: tuple[int, int] = smart_resize(
            frames,
            *size,
            temporal_factor=frames,
            factor=self.token_side,
            min_pixels=area.shortest_edge,
            max_pixels=area.longest_edge,
        )
        return target
