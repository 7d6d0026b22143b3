"""How far apart the perceptual hashes of copies are, and those of different pictures: what NEAR stands on.

    python studies/near_duplicates.py

Pictures: the 228 embedded photographs, 228 renderings of emoji_catalog, 228 pages of random words, and 228 smooth
pictures (8 x 8 random colours, enlarged), which are the hardest: their high frequencies are noise.
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
    """Resized by bicubic interpolation, then saved as JPEG of a quality."""
    for scale, quality in COPIES.values():
        buffer = io.BytesIO()
        size = [round(side * scale) for side in picture.size]
        picture.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=quality)
        yield Image.open(io.BytesIO(buffer.getvalue()))


def page(rng: np.random.Generator) -> Image.Image:
    """850 x 1100, black on white."""
    made = Image.new("RGB", (850, 1100), "white")
    pen = ImageDraw.Draw(made)
    for y in range(80, 1000, 28):
        words = ["".join(rng.choice(list("aeioulnrst"), rng.integers(2, 9))) for _ in range(rng.integers(2, 10))]
        pen.text((80, y), " ".join(words), fill="black", font_size=20)
    return made


def smooth(rng: np.random.Generator) -> Image.Image:
    """320 x 240."""
    patches = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return patches.resize((320, 240), Image.Resampling.BICUBIC)


def main() -> None:
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
            hashes = np.array([imagehash.phash(p, hash_size=side).hash.ravel() for p in pictures])
            apart = (hashes[:, None] != hashes[None]).sum(axis=-1)[np.triu_indices(len(pictures), 1)]
            near = np.array(
                [
                    [(imagehash.phash(c, hash_size=side).hash.ravel() != h).sum() for c in copies(p)]
                    for p, h in zip(pictures, hashes, strict=True)
                ]
            )
            told = "   ".join(f"{np.percentile(kind, 99):>8.0f} {kind.max():>9}" for kind in near.T)
            print(f"{side**2:<5} {name:<14} {apart.min():>12} {np.percentile(apart, 1):>6.0f}        {told}")


if __name__ == "__main__":
    main()
