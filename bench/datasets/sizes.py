"""Tell how many samples a split has and how large its pictures are, without reading a picture or needing a download."""

from typing import NamedTuple

from bench.datasets import hub_store, own
from bench.datasets.cards import HUB
from bench.datasets.splits import SPLITS, Split


class SplitSize(NamedTuple):
    """The number of samples, and the usual height and width of a picture in pixels."""

    samples: int
    height: int
    width: int


class TypicalSize(NamedTuple):
    """Samples of train, validation and test, and the usual height and width of a picture, at most 1,024."""

    samples: tuple[int, int, int]
    height: int
    width: int


TYPICAL = {
    "emoji_catalog": TypicalSize((650, 325, 975), 64, 64),
    "emoji_few": TypicalSize((96, 72, 360), 64, 64),
    "emoji_smoke": TypicalSize((96, 24, 96), 64, 64),
    "photos": TypicalSize((588, 96, 205), 64, 64),
    "scenes": TypicalSize((672, 192, 480), 64, 64),
    "tags": TypicalSize((624, 192, 432), 64, 64),
    "realworldqa": TypicalSize((344, 115, 306), 683, 1024),
    "mmstar": TypicalSize((675, 225, 600), 400, 512),
    "scienceqa": TypicalSize((2000, 300, 1000), 300, 400),
    "vqa-rad": TypicalSize((1010, 300, 898), 800, 800),
    "textvqa": TypicalSize((2000, 300, 1000), 768, 1024),
    "docvqa": TypicalSize((2000, 300, 1000), 1024, 790),
    "flickr8k": TypicalSize((2000, 300, 1000), 375, 500),
}
"""Embedded sets as they are. Those of the hub by their rows, the split rule and its caps; sides are rough."""


def split_size(name: str, split: Split) -> SplitSize:
    """Return the size of a split: counted where the data are here, else typical of the data set.

    Raises UserError for one's own data that are not imported.

    >>> split_size("textvqa", "test")
    SplitSize(samples=1000, height=768, width=1024)
    """
    if own.is_own(name):
        samples = own.load_split(name, split)
        height, width = samples[0].shape[:2] if len(samples) else (0, 0)
        return SplitSize(len(samples), height, width)
    typical = TYPICAL[name]
    manifest = hub_store.load_manifest(name) if name in HUB else None
    counted = manifest["splits"][split]["samples"] if manifest else None
    return SplitSize(counted or typical.samples[SPLITS.index(split)], typical.height, typical.width)
