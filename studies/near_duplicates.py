"""Measure the distances of perceptual hashes, of copies and of different pictures: python -m studies.near_duplicates

The limit of `bench.datasets.near_duplicates` was chosen from this table. Pictures: the 228 embedded photographs, 228
renderings of emoji_catalog, 228 pages of random words, and 228 smooth pictures (8 x 8 random colours, enlarged), which
are the hardest: their high frequencies are noise.
"""

import io
from collections.abc import Iterator

import imagehash
import numpy as np
from PIL import Image, ImageDraw

from bench.datasets import load

COUNT = 228
COPIES = {"JPEG 75": (1.0, 75), "90 %, JPEG 90": (0.9, 90), "80 %, JPEG 75": (0.8, 75), "50 %, JPEG 50": (0.5, 50)}


def copies(picture: Image.Image) -> Iterator[Image.Image]:
    """Yield the copies that `COPIES` names: resized by bicubic interpolation, then saved as JPEG."""
    for scale, quality in COPIES.values():
        buffer = io.BytesIO()
        size = [round(side * scale) for side in picture.size]
        picture.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=quality)
        yield Image.open(io.BytesIO(buffer.getvalue()))


def page(rng: np.random.Generator) -> Image.Image:
    """Return a page of random words, 850 x 1100, black on white."""
    sheet = Image.new("RGB", (850, 1100), "white")
    pen = ImageDraw.Draw(sheet)
    for y in range(80, 1000, 28):
        words = ["".join(rng.choice(list("aeioulnrst"), rng.integers(2, 9))) for _ in range(rng.integers(2, 10))]
        pen.text((80, y), " ".join(words), fill="black", font_size=20)
    return sheet


def smooth(rng: np.random.Generator) -> Image.Image:
    """Return a smooth picture, 320 x 240."""
    patches = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return patches.resize((320, 240), Image.Resampling.BICUBIC)


def hash_bits(picture: Image.Image, side: int) -> np.ndarray:
    """Return the perceptual hash of a picture, (side * side,) bool."""
    bits: np.ndarray = imagehash.phash(picture, hash_size=side).hash.ravel()
    return bits


def main() -> None:
    """Print one line for each kind of picture and size of hash."""
    rng = np.random.default_rng(0)
    photographs = {s.image_id: s.pixels for split in ("train", "validation", "test") for s in load("photos", split)}
    emoji = [s.pixels for s in load("emoji_catalog", "test")[:: 960 // COUNT]][:COUNT]
    sets = {
        "photographs": [Image.fromarray(pixels) for pixels in photographs.values()],
        "emoji": [Image.fromarray(pixels) for pixels in emoji],
        "pages": [page(rng) for _ in range(COUNT)],
        "smooth": [smooth(rng) for _ in range(COUNT)],
    }
    print("bits  pictures     different: least, 1 %   " + "   ".join(f"{name}: 99 %, most" for name in COPIES))
    for side in (8, 16):
        for name, pictures in sets.items():
            hashes = np.array([hash_bits(picture, side) for picture in pictures])
            differing = (hashes[:, None] != hashes[None]).sum(axis=-1)[np.triu_indices(len(pictures), 1)]
            pairs = zip(pictures, hashes, strict=True)
            copied = np.array([[(hash_bits(c, side) != bits).sum() for c in copies(p)] for p, bits in pairs])
            columns = "   ".join(f"{np.percentile(column, 99):>8.0f} {column.max():>9}" for column in copied.T)
            least, percentile = differing.min(), np.percentile(differing, 1)
            print(f"{side**2:<5} {name:<14} {least:>12} {percentile:>6.0f}        {columns}")


if __name__ == "__main__":
    main()
