"""SmolVLM and Idefics3: square tiles and a global picture, each framed by tokens that say where it was."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers.models.smolvlm.image_processing_pil_smolvlm import get_resize_output_image_size
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import normalise, quantise, tiles


class SmolVLM(LVLM):
    """`SmolVLMForConditionalGeneration` and `Idefics3ForConditionalGeneration` with their image processors.

    A picture is resized to a longest edge, then to multiples of the tile's side, and cut into rows and columns of
    tiles; the whole picture, squeezed into one more tile, follows. A layout is the numbers of rows and columns, or
    (0, 0) where the squeezed picture is all there is. A batch is padded with tiles of zeros, which the model drops.
    """

    image_token = "<image>"
    language_modules = r".*text_model.*\.(q|k|v|o|gate|up|down)_proj"
    projector_modules = r".*connector\.modality_projection\.proj"
    tower_modules = r".*vision_model.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
    tower = "model.vision_model"
    tower_prefixes = ("model.vision_model.",)

    @property
    def tile(self) -> int:
        """Side of a tile in pixels."""
        return self.processor.max_image_size["longest_edge"]

    def layout(self, size: tuple[int, int]) -> Layout:
        if not self.processor.do_image_splitting:
            return (0, 0)
        height, width = self._in_tiles(self._longest(size))
        return (height // self.tile, width // self.tile) if max(height, width) > self.tile else (0, 0)

    def _longest(self, size: tuple[int, int]) -> tuple[int, int]:
        """A picture's size after the first resize."""
        return get_resize_output_image_size(torch.empty(size, device="meta"), self.processor.size.longest_edge)

    def _in_tiles(self, size: tuple[int, int]) -> tuple[int, int]:
        """A picture's size after the second: the longer side is rounded up to tiles, the other follows it and is."""
        height, width = size
        if width >= height:
            whole = self._up(width)
            return self._up(int(whole / (width / height))), whole
        whole = self._up(height)
        return whole, self._up(int(whole * (width / height)))

    def _up(self, length: int) -> int:
        return math.ceil(length / self.tile) * self.tile

    def image_tokens(self, layout: Layout) -> str:
        side = self.tile // self._token_side
        return get_image_prompt_string(
            *layout, side * side, "<fake_token_around_image>", self.image_token, "<global-img>"
        )

    @property
    def _token_side(self) -> int:
        """Side of the square that an image token sees, in pixels."""
        return self.model.config.vision_config.patch_size * self.model.config.scale_factor

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) to (N, tiles, 3, side, side), the global picture last."""
        size = (images.shape[-2], images.shape[-1])
        levels = self.resize(quantise(images), self._longest(size))
        if self.processor.do_image_splitting:
            levels = self.resize(levels, self._in_tiles(self._longest(size)))
        shown = self.resize(levels, (self.tile, self.tile))[:, None]
        if any(self.layout(size)):
            shown = torch.cat([tiles(levels, self.tile, self.tile), shown], dim=1)
        return normalise(shown, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return self.collate([self._inputs(picture) for picture in self.preprocess_each(images)])

    def _inputs(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = torch.ones_like(picture[None, :, 0], dtype=torch.long)
        return {"pixel_values": picture[None], "pixel_attention_mask": seen}

    def run_processor(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        # One picture a prompt: the processor takes a flat list for the pictures of a single prompt.
        shown = self.processor(
            images=[[image] for image in images], return_tensors="pt", input_data_format="channels_last"
        )
        return dict(shown.to(self.device))

    def collate(self, pictures: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        most = max(picture["pixel_values"].shape[1] for picture in pictures)
        return {
            key: torch.cat([_padded(picture[key], most) for picture in pictures])
            for key in ("pixel_values", "pixel_attention_mask")
        }

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [F.avg_pool2d(d.abs().mean(1), self._token_side).flatten() for d in deltas]


def _padded(shown: torch.Tensor, count: int) -> torch.Tensor:
    """(1, tiles, ...) with tiles of zeros after it, `count` in all."""
    return torch.cat([shown, shown.new_zeros(1, count - shown.shape[1], *shown.shape[2:])], dim=1)
