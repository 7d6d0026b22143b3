"""Draw docs/release.png: pictures of a published release before and after: python -m reports.release"""

from pathlib import Path

import numpy as np
from PIL import Image

from bench.results.published import load_gallery
from bench.samples import SampleSet
from bench.tables.runs import load_published_runs

FIGURE = Path(__file__).parents[1] / "docs" / "release.png"

DEFENSE = "mmguard"
SHOWN = 6
"""Pictures, one a column."""

STRONGER = 16
"""The factor by which differences are shown; grey is no difference."""

SIDE, GAP = 128, 8
"""Pixels of a picture in the figure, and between two."""


def find_release() -> tuple[SampleSet, SampleSet]:
    """Return the pictures of the first published release of the defense, before and after."""
    runs = load_published_runs()
    for stages in runs[runs["defense"] == DEFENSE]["stages"]:
        before, after = load_gallery(stages["original"]), load_gallery(stages["protect"])
        if before is not None and after is not None:
            shown = {sample.id for sample in after}
            return SampleSet(tuple(sample for sample in before if sample.id in shown)), after
    raise LookupError(f"no published pictures of {DEFENSE!r}")


def draw(before: SampleSet, after: SampleSet) -> Image.Image:
    """Return three rows: pictures, protected pictures, and their differences."""
    step = SIDE + GAP
    figure = Image.new("RGB", (SHOWN * step - GAP, 3 * step - GAP), "white")
    for column, (clean, release) in enumerate(list(zip(before, after, strict=True))[:SHOWN]):
        difference = release.pixels.astype(int) - clean.pixels
        strong = (128 + STRONGER * difference).clip(0, 255).astype(np.uint8)
        for row, pixels in enumerate((clean.pixels, release.pixels, strong)):
            picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)
            figure.paste(picture, (column * step, row * step))
    return figure


def main() -> None:
    """Write the figure."""
    draw(*find_release()).save(FIGURE, optimize=True)


if __name__ == "__main__":
    main()
