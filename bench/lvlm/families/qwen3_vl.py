"""Qwen3-VL: features of several tower layers (deepstack), each with its own merger."""

from bench.lvlm.families.native import NativeResolution


class Qwen3VL(NativeResolution):
    """`Qwen3VLForConditionalGeneration` with the Qwen2-VL image processor: native resolution, patches of 16."""

    image_token = "<|image_pad|>"
    projector_modules = r".*visual\.(merger|deepstack_merger_list\.\d+)\.linear_fc(1|2)"
    tower_modules = r".*visual\.blocks.*\.(qkv|proj|linear_fc1|linear_fc2)"
    tower_prefixes = ("model.visual.blocks.", "model.visual.patch_embed.", "model.visual.pos_embed.")
