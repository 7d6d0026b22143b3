"""MiniCPM-V: slices that keep the picture's shape, packed patches, and a mostly recurrent language model."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers import Cache
from transformers.cache_utils import DynamicLayer, LinearAttentionLayer

from bench.lvlm.base import LVLM, Layout
from bench.lvlm.pixels import cut_tiles, normalise, quantise


class MiniCPMV(LVLM):
    """`MiniCPMV4_6ForConditionalGeneration` with `MiniCPMV4_6ImageProcessor`.

    It is the nearest class in transformers to MiniCPM-V-4, the second surrogate of the MMGuard paper, which needs
    remote code. Both give an overview and up to nine slices of about 448 x 448 pixels to a SigLIP tower, and frame
    them with the same tokens. According to its published files, MiniCPM-V-4 samples each of them down to 64 tokens,
    and its language model (MiniCPM4) has attention in every layer. 4.6 keeps one token for 56 x 56 pixels, and its
    language model (Qwen3.5) has three gated-delta-rule layers for each attention layer. Attention binding can use
    the attention layers alone.

    A layout is the rows and columns of slices, then the height and width of the overview and of a slice, in image
    tokens.
    """

    image_token = "<|image_pad|>"
    language_modules = r".*language_model.*\.((q|k|v|o|gate|up|down)_proj|linear_attn\.(in_proj_(qkv|z|b|a)|out_proj))"
    projector_modules = r".*model\.merger\.mlp\.\d+\.linear_(1|2)"
    tower_modules = r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2|linear_1|linear_2)"
    tower = "model.vision_tower"
    tower_prefixes = ("model.vision_tower.",)

    @property
    def attention_layers(self) -> Sequence[int]:
        return [i for i, kind in enumerate(self.model.config.text_config.layer_types) if kind == "full_attention"]

    @property
    def token_side(self) -> int:
        """Side of the square of an image token, in pixels."""
        return int(self.processor.patch_size) * (2 if self.processor.downsample_mode == "4x" else 4)

    def layout(self, size: tuple[int, int]) -> Layout:
        p, side = self.processor, self.token_side
        grid = p.get_sliced_grid(size, p.max_slice_nums, p.scale_resolution) if p.slice_mode else None
        resolution = p.scale_resolution, p.patch_size, p.downsample_mode
        overview = [length // side for length in p.find_best_resize(size, *resolution, allow_upscale=grid is None)]
        if grid is None:
            return (0, 0, *overview, 0, 0)
        refined = p.get_refine_size(size, grid, *resolution, allow_upscale=True)
        return (*grid, *overview, *(length // side // parts for length, parts in zip(refined, grid, strict=True)))

    def image_tokens(self, layout: Layout) -> str:
        rows, columns, height, width, slice_height, slice_width = layout
        number = "<image_id>0</image_id>" if self.processor.use_image_id else ""
        slice_tokens = f"<slice>{self.image_token * (slice_height * slice_width)}</slice>"
        slices = "\n".join([slice_tokens * columns] * rows)
        return f"{number}<image>{self.image_token * (height * width)}</image>{slices}"

    def preprocess(self, images: torch.Tensor) -> torch.Tensor:
        """Resize, normalise and cut (N, 3, H, W) into the squares of image tokens, (N, tokens, 3, side, side)."""
        side = self.token_side
        rows, columns, height, width, slice_height, slice_width = self.layout((images.shape[-2], images.shape[-1]))
        levels = quantise(images)
        squares = cut_tiles(self.resize(levels, (height * side, width * side)), side, side)
        if rows:
            slice_size = slice_height * side, slice_width * side
            refined = self.resize(levels, (rows * slice_size[0], columns * slice_size[1]))
            slices = cut_tiles(refined, *slice_size)
            slice_squares = cut_tiles(slices.flatten(0, 1), side, side).unflatten(0, slices.shape[:2])
            squares = torch.cat([squares, slice_squares.flatten(1, 2)], dim=1)
        return normalise(squares, self.processor.image_mean, self.processor.image_std)

    def pixel_values(self, images: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        return self.collate([
            self._pack(squares, layout)
            for squares, layout in zip(self.preprocess_each(images), self.layouts(images), strict=True)
        ])  # fmt: skip

    def _pack(self, squares: torch.Tensor, layout: Layout) -> dict[str, torch.Tensor]:
        """Return the patches of one picture side by side, (1, 3, p, columns), and the grid of each of its parts."""
        rows, columns, *sizes = layout
        grids = [sizes[:2], *[sizes[2:]] * (rows * columns)]
        patch = self.processor.patch_size
        per_token = self.token_side // patch
        parts = squares.split([height * width for height, width in grids])
        lines = [
            # token row, token column, channel, y, x  ->  channel, y, patches from left to right and top to bottom
            part.view(height, width, 3, per_token, patch, per_token, patch).permute(2, 4, 0, 3, 1, 5, 6)
            .reshape(3, patch, -1)
            for part, (height, width) in zip(parts, grids, strict=True)
        ]  # fmt: skip
        sizes_in_patches = torch.tensor(grids, dtype=torch.int32, device=squares.device) * per_token
        return {"pixel_values": torch.cat(lines, dim=-1)[None], "target_sizes": sizes_in_patches}

    def run_processor(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        inputs = super().run_processor(images)
        return {key: inputs[key] for key in ("pixel_values", "target_sizes")}

    def collate(self, pictures: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        return {
            "pixel_values": torch.cat([picture["pixel_values"] for picture in pictures], dim=-1),
            "target_sizes": torch.cat([picture["target_sizes"] for picture in pictures]),
        }

    def token_intensity(self, deltas: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [delta.abs().mean((1, 2, 3)) for delta in deltas]

    def make_cache(self, layers: Sequence[tuple[torch.Tensor, torch.Tensor]] | None = None) -> Cache:
        kinds = self.model.config.text_config.layer_types
        cached = [RecurrentState() if kind == "linear_attention" else DynamicLayer() for kind in kinds]
        for layer, tensors in zip(cached, layers or (), strict=False):
            layer.update(*tensors)
        return Cache(layers=cached)


class RecurrentState(LinearAttentionLayer):
    """The state of a recurrent layer after the tokens so far, which a pass replaces by new tensors.

    transformers' own layer overwrites its tensors in place. Then a second pass could not start from the same prefix,
    and the backward pass would miss its inputs. keys: the last inputs of the convolution. values: the recurrent state.
    """

    keys: torch.Tensor | None = None
    values: torch.Tensor | None = None

    def update(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Set the state to start from."""
        self.keys, self.values = self.conv_states[0], self.recurrent_states[0] = keys, values
        self.has_previous_state[0] = True

    def update_conv_state(
        self, conv_states: torch.Tensor, state_idx: int = 0, conv_kernel_size: int | None = None, **kwargs: object
    ) -> torch.Tensor:
        assert conv_kernel_size is not None
        whole = conv_states if self.keys is None else torch.cat([self.keys, conv_states], dim=-1)
        self.keys = F.pad(whole, (conv_kernel_size, 0))[..., -conv_kernel_size:]
        return whole

    def update_recurrent_state(
        self, recurrent_states: torch.Tensor, state_idx: int = 0, **kwargs: object
    ) -> torch.Tensor:
        self.values = recurrent_states
        return recurrent_states
