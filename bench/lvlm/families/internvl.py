"""InternVL3 and 3.5: square tiles of a fixed size and a thumbnail, a pixel shuffle after the tower."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import cut_tiles, normalise, quantise


class InternVL(LVLM):
    """`InternVLForConditionalGeneration` with the GOT-OCR2 image processor.

    A picture is cut into rows x columns tiles, in the grid whose shape is nearest to the picture's. If there is more
    than one tile, the whole picture follows as another tile. A layout is (rows, columns).
    """

    image_token = "<IMG_CONTEXT>"
    projector_modules = r".*multi_modal_projector\.linear_(1|2)"
    tower_modules = r".*vision_tower.*\.(q_proj|k_proj|v_proj|projection_layer|fc1|fc2)"
    tower = "model.vision_tower"
    tower_prefixes = ("model.vision_tower.",)

    def __init__(self, *loaded: Any, **parts: Any) -> None:
        super().__init__(*loaded, **parts)
        # Published image processors say False, but `InternVLProcessor`, which a trainer calls, overrules them.
        self.processor.crop_to_patches = True

    @property
    def _tile(self) -> tuple[int, int]:
        return (self.processor.size.height, self.processor.size.width)

    def layout(self, size: tuple[int, int]) -> Layout:
        p = self.processor
        columns, rows = get_optimal_tiled_canvas(size, self._tile, p.min_patches, p.max_patches)
        return (rows, columns)

    def image_tokens(self, layout: Layout) -> str:
        rows, columns = layout
        pictures = 1 if rows * columns == 1 else rows * columns + 1
        return f"<img>{self.image_token * (self.model.config.image_seq_length * pictures)}</img>"

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """Resize, tile and normalise (N, 3, H, W) to (N, tiles, 3, h, w)."""
        height, width = self._tile
        rows, columns = self.layout((images.shape[-2], images.shape[-1]))
        levels = quantise(images)
        tiles = cut_tiles(self.resize(levels, (rows * height, columns * width)), height, width)
        if rows * columns > 1:
            tiles = torch.cat([tiles, self.resize(levels, (height, width))[:, None]], 1)
        return normalise(tiles, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"pixel_values": torch.cat(self.preprocess_each(images))}

    def run_processor(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        inputs = super().run_processor(images)
        del inputs["num_patches"]  # needed for the text alone; the model does not take it
        return inputs

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Average over the neighbouring patches that the pixel shuffle joins to one token, row by row in each tile."""
        config = self.model.config
        side = int(config.vision_config.patch_size[0] / config.downsample_ratio)
        return [F.avg_pool2d(delta.abs().mean(1), side).flatten() for delta in deltas]
