"""Qwen3-VL: native resolution, flattened patches in merge order, multimodal rotary positions."""

from collections.abc import Sequence

import torch
from torch.nn import functional as F
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import MODES, normalise, quantise, resize
from bench.lvlm.text import Encoded


class Qwen3VL(LVLM):
    """`Qwen3VLForConditionalGeneration` with the Qwen2-VL image processor."""

    image_token = "<|image_pad|>"
    projector_modules = r".*visual\.(merger|deepstack_merger_list\.\d+)\.linear_fc(1|2)"
    tower_modules = r".*visual\.blocks.*\.(qkv|proj|linear_fc1|linear_fc2)"
    tower = "model.visual"
    tower_prefixes = ("model.visual.blocks.", "model.visual.patch_embed.", "model.visual.pos_embed.")

    def layout(self, size: tuple[int, int]) -> Layout:
        p = self.processor
        area = p.size
        return smart_resize(
            *size, factor=p.patch_size * p.merge_size, min_pixels=area.shortest_edge, max_pixels=area.longest_edge
        )

    def image_tokens(self, layout: Layout) -> str:
        side = self.processor.patch_size * self.processor.merge_size
        return self.image_token * ((layout[0] // side) * (layout[1] // side))

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        layout = self.layout((images.shape[-2], images.shape[-1]))
        levels = resize(quantise(images), layout, MODES[int(self.processor.resample)])
        return normalise(levels, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        pictures = self.preprocess_each(images)
        return {
            "pixel_values": torch.cat([self._patches(picture) for picture in pictures]),
            "image_grid_thw": torch.tensor(
                [self._grid((picture.shape[-2], picture.shape[-1])) for picture in pictures], device=self.device
            ),
        }

    def _grid(self, layout: Layout) -> list[int]:
        return [1, layout[0] // self.processor.patch_size, layout[1] // self.processor.patch_size]

    def _patches(self, picture: torch.Tensor) -> torch.Tensor:
        """(3, h, w) to (patches, 3 * frames * p * p); patches of one merged token are neighbours."""
        p, m, frames = self.processor.patch_size, self.processor.merge_size, self.processor.temporal_patch_size
        rows, columns = picture.shape[1] // (p * m), picture.shape[2] // (p * m)
        x = picture.view(3, rows, m, p, columns, m, p).permute(1, 4, 2, 5, 0, 3, 6)
        return x.unsqueeze(5).expand(-1, -1, -1, -1, -1, frames, -1, -1).reshape(rows * columns * m * m, -1)

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        side = self.processor.patch_size * self.processor.merge_size
        return [F.avg_pool2d(d.abs().mean(0, keepdim=True), side).flatten() for d in deltas]

    def position_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        """(3, B, T) positions: text counts up; an image token takes its row and column (M-RoPE)."""
        side = self.processor.patch_size * self.processor.merge_size
        text = encoded.mask.long().cumsum(1) - 1
        positions = text.clamp(min=0).expand(3, -1, -1).clone()
        for i, (height, width) in enumerate(layouts):
            rows, columns = height // side, width // side
            where = encoded.image[i].nonzero().squeeze(1)
            first, last = int(where[0]), int(where[-1])
            start = int(text[i, first])
            positions[1, i, where] = start + torch.arange(rows, device=where.device).repeat_interleave(columns)
            positions[2, i, where] = start + torch.arange(columns, device=where.device).repeat(rows)
            positions[0, i, where] = start
            positions[:, i, last + 1 :] -= rows * columns - max(rows, columns)
        return {"position_ids": positions.clamp(min=0)}

    def generation_inputs(self, encoded: Encoded, layouts: Sequence[Layout]) -> dict[str, torch.Tensor]:
        return {"mm_token_type_ids": encoded.image.long()}
