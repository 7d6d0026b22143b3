"""Gemma 3: a SigLIP tower at a fixed resolution, pooled to few tokens that attend to each other; pan and scan."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import normalise, quantise
from bench.lvlm.text import Encoded


class Gemma3(LVLM):
    """`Gemma3ForConditionalGeneration` with the Gemma 3 image processor.

    A picture is resized to the tower's square, whatever its shape, and pooled to `mm_tokens_per_image` tokens. With
    pan and scan, a long picture is followed by crops along its longer side, each a picture of its own. The layout is
    (pictures,). Pan and scan follows the image processor's `do_pan_and_scan`, which is off in published checkpoints.
    The combined `Gemma3Processor` ignores that setting: a trainer who uses it gets crops only by passing
    `do_pan_and_scan=True` in the call.
    """

    image_token = "<image_soft_token>"
    placeholder = "<start_of_image>"
    projector_modules = ""
    projector_parameters = ("multi_modal_projector.mm_input_projection_weight",)
    tower_modules = r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
    tower = "model.vision_tower"
    tower_prefixes = ("model.vision_tower.",)

    def layout(self, size: tuple[int, int]) -> Layout:
        return (len(self._views(np.broadcast_to(np.uint8(0), (1, *size)))),)

    def _views(self, picture: Any) -> list[Any]:
        """Return a picture (C, H, W) and, with pan and scan, the processor's crops of it."""
        p = self.processor
        if not p.do_pan_and_scan:
            return [picture]
        return [
            picture,
            *Gemma3ImageProcessorPil.pan_and_scan(
                p,
                picture,
                p.pan_and_scan_min_crop_size,
                p.pan_and_scan_max_num_crops,
                p.pan_and_scan_min_ratio_to_activate,
            ),
        ]

    def image_tokens(self, layout: Layout) -> str:
        whole = f"\n\n<start_of_image>{self.image_token * self.model.config.mm_tokens_per_image}<end_of_image>\n\n"
        crops = layout[0] - 1
        if crops == 0:
            return whole
        closer = " ".join([whole] * crops)
        return f"Here is the original image {whole} and here are some crops to help you see better {closer}"

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """Resize and normalise (N, 3, H, W) and its crops to (N, pictures, 3, side, side)."""
        p = self.processor
        views = self._views(quantise(images).flatten(0, 1))
        target = (p.size.height, p.size.width)
        levels = [self.resize(view.unflatten(0, (-1, 3)), target) for view in views]
        return normalise(torch.stack(levels, 1), p.image_mean, p.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"pixel_values": torch.cat(self.preprocess_each(images))}

    def run_processor(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        """Run the processor, and drop the numbers of crops, which the model does not take."""
        return {key: value for key, value in super().run_processor(images).items() if key != "num_crops"}

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        side = self.processor.size.height // int(self.model.config.mm_tokens_per_image**0.5)
        return [F.avg_pool2d(d.abs().mean(1), side).flatten() for d in deltas]

    def position_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """Return the mask of image tokens: those of one picture attend to each other in both directions."""
        return {"token_type_ids": encoded.image.long()}

    def generation_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        return self.position_inputs(encoded, layouts)
