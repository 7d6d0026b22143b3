"""Llama 3.2 Vision: tiles on a canvas that fits the picture's shape, read by cross-attention layers."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers.models.mllama.image_processing_pil_mllama import (
    build_aspect_ratio_mask_np,
    convert_aspect_ratios_to_ids_np,
    get_image_size_fit_to_canvas,
    get_optimal_tiled_canvas,
)
from transformers.models.mllama.processing_mllama import (
    convert_sparse_cross_attention_mask_to_dense,
    get_cross_attention_token_mask,
)

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import cut_tiles, normalise, quantise
from bench.lvlm.text import Encoded


class Mllama(LVLM):
    """`MllamaForConditionalGeneration` with `MllamaImageProcessor`.

    A picture is resized to fit on the canvas of one to four tiles (layout: rows, columns) that suits its shape; the
    rest of the canvas stays black. The text has one token for the picture, whose patches are keys of the
    cross-attention layers alone. So binding to patches means here, in the self-attention layers, binding to the
    picture's one token.
    """

    image_token = "<|image|>"
    projector_modules = r".*multi_modal_projector"
    tower_modules = r".*vision_model.*\.(q_proj|k_proj|v_proj|o_proj|fc1|fc2)"
    tower = "model.vision_model"
    tower_prefixes = ("model.vision_model.",)

    @property
    def attention_layers(self) -> Sequence[int]:
        text = self.model.config.text_config
        return [layer for layer in range(text.num_hidden_layers) if layer not in text.cross_attention_layers]

    def layout(self, size: tuple[int, int]) -> Layout:
        tile = self.processor.size.height
        height, width = get_optimal_tiled_canvas(*size, self.processor.max_image_tiles, tile)
        return int(height) // tile, int(width) // tile

    def image_tokens(self, layout: Layout) -> str:
        return self.image_token

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """Resize levels (N, 3, H, W) onto normalised canvases (N, 3, rows * tile, columns * tile)."""
        size, tile = (images.shape[-2], images.shape[-1]), self.processor.size.height
        canvas = [side * tile for side in self.layout(size)]
        height, width = (int(side) for side in get_image_size_fit_to_canvas(*size, *canvas, tile))
        levels = self.resize(quantise(images), (height, width))
        levels = F.pad(levels, (0, canvas[1] - width, 0, canvas[0] - height))
        return normalise(levels, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        tile, most = self.processor.size.height, self.processor.max_image_tiles
        pictures = [cut_tiles(canvas[None], tile, tile)[0] for canvas in self.preprocess_each(images)]
        shapes = [[layout] for layout in self.layouts(images)]
        return {
            "pixel_values": torch.stack([F.pad(p, (0, 0) * 3 + (0, most - len(p))) for p in pictures])[:, None],
            "aspect_ratio_ids": torch.from_numpy(convert_aspect_ratios_to_ids_np(shapes, most)).to(self.device),
            "aspect_ratio_mask": torch.from_numpy(build_aspect_ratio_mask_np(shapes, most)).to(self.device),
        }

    def run_processor(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        # The processor would take a list of 3-D pictures for several pictures of one prompt.
        inputs = super().run_processor([image[None] for image in images])
        return {key: value for key, value in inputs.items() if key != "num_tiles"}

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [delta.abs().mean()[None] for delta in deltas]

    def position_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """Return the mask of tiles for each token, (B, T, 1, tiles): from the picture's token on, all but padding."""
        spans = [get_cross_attention_token_mask(ids, self.text.image_id) for ids in encoded.ids.tolist()]
        mask = convert_sparse_cross_attention_mask_to_dense(
            spans,
            num_tiles=[[rows * columns] for rows, columns in layouts],
            max_num_tiles=self.processor.max_image_tiles,
            length=encoded.ids.shape[1],
        )
        return {"cross_attention_mask": torch.from_numpy(mask).to(self.device)}

    def tail_inputs(self, positions: dict[str, torch.Tensor], start: int) -> dict[str, torch.Tensor]:
        return {key: value[:, start:] for key, value in positions.items()}

    def generation_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        return self.position_inputs(encoded, layouts)
