"""Qwen2.5-VL: a tower whose layers mostly attend within windows."""

from bench.lvlm.families.native import NativeResolution


class Qwen25VL(NativeResolution):
    """`Qwen2_5_VLForConditionalGeneration` with the Qwen2-VL image processor: native resolution, patches of 14.

    The tower sorts its patches by window, and puts the merged tokens back in order at its end.
    """

    image_token = "<|image_pad|>"
    projector_modules = r".*visual\.merger\.mlp\.(0|2)"
    tower_modules = r".*visual\.blocks.*\.(qkv|proj|gate_proj|up_proj|down_proj)"
    tower_prefixes = ("model.visual.blocks.", "model.visual.patch_embed.")
