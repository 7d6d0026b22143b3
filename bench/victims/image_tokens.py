"""Count, about, the tokens that a picture costs a model, from the rules of its architecture; no file is read."""

from math import ceil

from bench.errors import UserError
from bench.victims.catalog import ASSEMBLED, split_precision
from bench.victims.properties import architecture

USUAL = 576
"""Tokens for an architecture without a rule here: as many as LLaVA 1.5 takes."""

FIXED = {"llava": 576, "gemma3": 256}
"""Architectures that bring every picture to one size."""

STEPS = {"qwen3_vl": 32, "qwen2_5_vl": 28, "glm4v": 28}
"""Architectures that keep a picture's size: the side in pixels of what one token stands for."""


def count_image_tokens(name: str, height: int, width: int) -> int:
    """Return the image tokens of a picture of that size in pixels, for a victim by name.

    Llama's cross-attention has no image tokens: counted are those whose cost in the whole model is that of its tower.

    >>> count_image_tokens("qwen3-vl-4b", 768, 1024), count_image_tokens("gemma-3-4b", 768, 1024)
    (768, 256)
    """
    if base := ASSEMBLED.get(split_precision(name)[0]):
        return base.image_tokens
    try:
        kind = architecture(name)
    except UserError:
        return USUAL
    if kind in STEPS:
        return max(64, round(height / STEPS[kind]) * round(width / STEPS[kind]))
    if kind == "internvl":
        tiles = _nearest_grid(height, width, 448, 12)
        return 256 * (tiles if tiles == 1 else tiles + 1)
    if kind == "idefics3":
        return 64 * (4 * ceil(4 * min(height, width) / max(height, width)) + 1)
    if kind == "minicpmv4_6":
        slices = min(9, ceil(height * width / 448**2))
        return 64 * (slices if slices == 1 else slices + 1)
    if kind == "mllama":
        return 128 * min(4, ceil(height / 560) * ceil(width / 560))
    return FIXED.get(kind, USUAL)


def _nearest_grid(height: int, width: int, tile: int, most: int) -> int:
    """Return the number of tiles of the grid whose shape is nearest to a picture's.

    Of equal ones it is the largest of which the picture would fill more than half.
    """
    grids = [(rows, columns) for rows in range(1, most + 1) for columns in range(1, most // rows + 1)]
    grids.sort(key=lambda grid: grid[0] * grid[1])
    best = min(grids, key=lambda grid: abs(width / height - grid[1] / grid[0]))
    equal = [grid for grid in grids if grid[0] * best[1] == grid[1] * best[0]]
    filled = [rows * columns for rows, columns in equal if height * width > 0.5 * tile**2 * rows * columns]
    return max([best[0] * best[1], *filled])
