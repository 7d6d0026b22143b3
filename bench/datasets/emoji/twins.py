"""The near-twins: held-out concepts that embedded victims were taught under another name."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

SIDE = 32
LIMIT = 0.35
"""Largest distance of two pictures that count as the same, see `find_near_twins`. Unlike pairs are around 1."""

WHO = frozenset({
    "man", "woman", "men", "women", "person", "people", "boy", "girl", "family", "face", "with", "wearing", "of", "and",
    "the",
})  # fmt: skip
"""Words of names that say who it is, not what."""

NEAR_TWINS = frozenset({
    "astonished face", "clock face six oclock", "european post office", "family man woman girl boy",
    "family woman boy boy", "family woman woman boy boy", "front facing baby chick", "guardsman",
    "hand with index finger and thumb crossed", "left speech bubble", "man feeding baby", "man genie", "man running",
    "man with turban", "old key", "page facing up", "person lifting weights", "person with blond hair", "rabbit",
    "right pointing magnifying glass", "rugby football", "slightly frowning face", "student", "thought balloon",
    "unamused face", "water polo", "woman", "woman bald", "woman mountain biking", "woman zombie",
    "women with bunny ears",
})  # fmt: skip
"""The near-twins among the held-out concepts, as `find_near_twins` finds them."""


def find_near_twins(held_out: Mapping[str, Image.Image], taught: Mapping[str, Image.Image]) -> set[str]:
    """Return the names of held-out concepts that are taught under another name. Both are pictures, RGBA, by name.

    By picture: |a - b|^2 over the mean of |a|^2 and |b|^2 is at most `LIMIT`, for 32 x 32 copies on gray, mirrored too.
    By name: the same words are left without `WHO` and plural endings.
    """
    known = np.stack([_features(art) for art in taught.values()])
    both = np.concatenate([known, known.reshape(-1, SIDE, SIDE, 3)[:, :, ::-1].reshape(known.shape)])
    lengths = (both**2).sum(1)
    words = {_what(name) for name in taught}
    twins = set()
    for name, art in held_out.items():
        features = _features(art)
        distances = ((both - features) ** 2).sum(1) / ((features @ features + lengths) / 2)
        if distances.min() <= LIMIT or (_what(name) and _what(name) in words):
            twins.add(name)
    return twins


def _features(art: Image.Image) -> np.ndarray:
    gray = Image.new("RGBA", (SIDE, SIDE), (128, 128, 128, 255))
    gray.alpha_composite(art.resize((SIDE, SIDE)))
    return (np.asarray(gray.convert("RGB"), float) - 128).ravel()


def _what(name: str) -> frozenset[str]:
    return frozenset(word.rstrip("s") for word in name.split() if word not in WHO)
