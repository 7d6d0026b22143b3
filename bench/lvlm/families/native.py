"""The base of Qwen2-VL's descendants: pictures at about their own size, as flattened patches in merge order."""

from collections.abc import Sequence

import torch
from torch.nn import functional as F
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from bench.errors import UserError
from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import normalise, quantise
from bench.lvlm.text import Encoded


class NativeResolution(LVLM):
    """A layout is the height and width in pixels after the processor's `smart_resize`.

    Sides are multiples of patch_size * merge_size, the area lies within the processor's bounds, and each square of
    merge_size * merge_size patches is one image token.
    """

    tower = "model.visual"

    @property
    def token_side(self) -> int:
        """Side of the square of an image token, in pixels."""
        return int(self.processor.patch_size * self.processor.merge_size)

    def smart_resize(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the processor's own target size. Raises ValueError for a shape that the processor refuses."""
        least, most = self.processor.size.shortest_edge, self.processor.size.longest_edge
        target: tuple[int, int] = smart_resize(*size, self.token_side, min_pixels=least, max_pixels=most)
        return target

    def layout(self, size: tuple[int, int]) -> tuple[int, int]:
        try:
            return self.smart_resize(size)
        except ValueError as error:
            raise UserError(
                f"picture: {size[0]} x {size[1]} pixels (height x width); "
                f"allowed for {self.name}: one side at most 200 times as long as the other"
            ) from error

    def image_tokens(self, layout: Layout) -> str:
        return self.image_token * ((layout[0] // self.token_side) * (layout[1] // self.token_side))

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        layout = self.layout((images.shape[-2], images.shape[-1]))
        levels = self.resize(quantise(images), layout)
        return normalise(levels, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        pictures, patch = self.preprocess_each(images), self.processor.patch_size
        grids = [[1, picture.shape[-2] // patch, picture.shape[-1] // patch] for picture in pictures]
        return {
            "pixel_values": torch.cat([self._patches(picture) for picture in pictures]),
            "image_grid_thw": torch.tensor(grids, device=self.device),
        }

    def _patches(self, picture: torch.Tensor) -> torch.Tensor:
        """Cut (3, h, w) into (patches, 3 * frames * p * p); the patches of one merged token are neighbours."""
        p, m, frames = self.processor.patch_size, self.processor.merge_size, self.processor.temporal_patch_size
        rows, columns = picture.shape[1] // (p * m), picture.shape[2] // (p * m)
        x = picture.view(3, rows, m, p, columns, m, p).permute(1, 4, 2, 5, 0, 3, 6)
        return x.unsqueeze(5).expand(-1, -1, -1, -1, -1, frames, -1, -1).reshape(rows * columns * m * m, -1)

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [F.avg_pool2d(d.abs().mean(0, keepdim=True), self.token_side).flatten() for d in deltas]

    def position_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """Return (3, B, T) positions: text counts up, an image token has its row and column (M-RoPE)."""
        text = encoded.mask.long().cumsum(1) - 1
        positions = text.clamp(min=0).expand(3, -1, -1).clone()
        for i, (height, width) in enumerate(layouts):
            rows, columns = height // self.token_side, width // self.token_side
            tokens = encoded.image[i].nonzero().squeeze(1)
            first, last = int(tokens[0]), int(tokens[-1])
            start = int(text[i, first])
            positions[1, i, tokens] = start + torch.arange(rows, device=tokens.device).repeat_interleave(columns)
            positions[2, i, tokens] = start + torch.arange(columns, device=tokens.device).repeat(rows)
            positions[0, i, tokens] = start
            positions[:, i, last + 1 :] -= rows * columns - max(rows, columns)
        return {"position_ids": positions.clamp(min=0)}

    def generation_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        return {"mm_token_type_ids": encoded.image.long()}
