"""Build `bench/datasets/tags/strips.parquet`: each line of text on the tags, drawn once.

So the pictures do not depend on the version of FreeType.

    python scripts/build_strips.py

The font is the Aileron Regular that Pillow ships ("No Rights Reserved", CC0 1.0). One row for each line: its text, and
a PNG of 8-bit coverage, cropped to the line's own box.
"""

import io
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from bench.datasets.tags.vocabulary import VOCABULARY, lines

POINTS, STROKE = 64, 2


def draw_strip(text: str, font: ImageFont.FreeTypeFont) -> bytes:
    """Return a line of text as a PNG file, white on black."""
    left, top, right, bottom = (round(v) for v in font.getbbox(text, stroke_width=STROKE))
    picture = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(picture).text((-left, -top), text, font=font, fill=255, stroke_width=STROKE)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    """Draw all lines and write the table."""
    font = ImageFont.load_default(POINTS)
    texts = sorted({line for kind, answers in VOCABULARY.items() for a in answers for line in lines(kind, a)})
    table = pd.DataFrame({"text": texts, "png": [draw_strip(text, font) for text in texts]})
    target = Path(__file__).parent.parent / "bench/datasets/tags/strips.parquet"
    table.to_parquet(target, compression="none")
    print(f"{len(table)} strips, {target.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
