"""SmolVLM and Idefics3: square tiles and the whole picture, each framed by tokens that give its position."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers.models.smolvlm.image_processing_pil_smolvlm import get_resize_output_image_size
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import cut_tiles, normalise, quantise


class SmolVLM(LVLM):
    """`SmolVLMForConditionalGeneration` and `Idefics3ForConditionalGeneration` with their image processors.

    A picture is resized to a fixed longest edge, then to multiples of the tile's side, and cut into rows and columns
    of tiles. The whole picture follows, resized to one more tile. A layout is (rows, columns), or (0, 0) for a
    picture that is not cut. A batch is padded with tiles of zeros, which the model drops.
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
        return int(self.processor.max_image_size["longest_edge"])

    def layout(self, size: tuple[int, int]) -> Layout:
        if not self.processor.do_image_splitting:
            return (0, 0)
        height, width = self._second_size(self._first_size(size))
        return (height // self.tile, width // self.tile) if max(height, width) > self.tile else (0, 0)

    def _first_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return a picture's size after the first resize."""
        picture = torch.empty(size, device="meta")
        first: tuple[int, int] = get_resize_output_image_size(picture, self.processor.size.longest_edge)
        return first

    def _second_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return a picture's size after the second resize.

        The longer side is rounded up to whole tiles. The other side is scaled with it, and rounded up too.
        """
        height, width = size
        if width >= height:
            longer = self._round_up(width)
            return self._round_up(int(longer / (width / height))), longer
        longer = self._round_up(height)
        return longer, self._round_up(int(longer * (width / height)))

    def _round_up(self, length: int) -> int:
        return math.ceil(length / self.tile) * self.tile

    def image_tokens(self, layout: Layout) -> str:
        side = self.tile // self._token_side
        text: str = get_image_prompt_string(
            *layout, side * side, "<fake_token_around_image>", self.image_token, "<global-img>"
        )
        return text

    @property
    def _token_side(self) -> int:
        """Side of the square of an image token, in pixels."""
        return int(self.model.config.vision_config.patch_size * self.model.config.scale_factor)

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """Resize, tile and normalise (N, 3, H, W) to (N, tiles, 3, side, side), the whole picture last."""
        size = (images.shape[-2], images.shape[-1])
        levels = self.resize(quantise(images), self._first_size(size))
        if self.processor.do_image_splitting:
            levels = self.resize(levels, self._second_size(self._first_size(size)))
        pictures = self.resize(levels, (self.tile, self.tile))[:, None]
        if any(self.layout(size)):
            pictures = torch.cat([cut_tiles(levels, self.tile, self.tile), pictures], dim=1)
        return normalise(pictures, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return self.collate([_to_inputs(tiles) for tiles in self.preprocess_each(images)])

    def run_processor(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        # One picture for each prompt: the processor would take a flat list for the pictures of a single prompt.
        inputs = self.processor(
            images=[[image] for image in images], return_tensors="pt", input_data_format="channels_last"
        )
        return dict(inputs)

    def collate(self, pictures: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        count = max(picture["pixel_values"].shape[1] for picture in pictures)
        return {
            key: torch.cat([_pad_tiles(picture[key], count) for picture in pictures])
            for key in ("pixel_values", "pixel_attention_mask")
        }

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [F.avg_pool2d(d.abs().mean(1), self._token_side).flatten() for d in deltas]


def _to_inputs(tiles: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the model inputs of one picture (tiles, 3, side, side)."""
    return {"pixel_values": tiles[None], "pixel_attention_mask": torch.ones_like(tiles[None, :, 0], dtype=torch.long)}


def _pad_tiles(tiles: torch.Tensor, count: int) -> torch.Tensor:
    """Append zeros to (1, tiles, ...) up to `count` tiles."""
    return torch.cat([tiles, tiles.new_zeros(1, count - tiles.shape[1], *tiles.shape[2:])], dim=1)
