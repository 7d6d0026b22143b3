"""LLaVA 1.5: a CLIP tower at a fixed resolution, with one image token for each patch."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers.image_transforms import get_resize_output_image_size
from transformers.image_utils import ChannelDimension

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import normalise, quantise


class Llava(LVLM):
    """`LlavaForConditionalGeneration` with a CLIP processor (resize, optional centre crop, normalise)."""

    image_token = "<image>"
    projector_modules = r".*multi_modal_projector\.linear_(1|2)"
    tower_modules = r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
    tower = "model.vision_tower"
    tower_prefixes = ("model.vision_tower.",)

    def layout(self, size: tuple[int, int]) -> Layout:
        return (self.processor.crop_size.height, self.processor.crop_size.width)

    def image_tokens(self, layout: Layout) -> str:
        patch = int(self.model.config.vision_config.patch_size)
        return self.image_token * ((layout[0] // patch) * (layout[1] // patch))

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        size = self.processor.size
        if size.shortest_edge:
            shape = np.empty(images.shape[1:], dtype=np.uint8)
            target = get_resize_output_image_size(
                shape, size.shortest_edge, default_to_square=False, input_data_format=ChannelDimension.FIRST
            )
        else:
            target = (size.height, size.width)
        levels = self.resize(quantise(images), target)
        if self.processor.do_center_crop:
            height, width = self.layout(target)
            top, left = (target[0] - height) // 2, (target[1] - width) // 2
            levels = levels[..., top : top + height, left : left + width]
        return normalise(levels, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"pixel_values": torch.stack(self.preprocess_each(images))}

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        patch = self.model.config.vision_config.patch_size
        return [F.avg_pool2d(d.abs().mean(0, keepdim=True), patch).flatten() for d in deltas]
