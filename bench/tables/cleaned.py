"""The effect of the parts of an attack on single pictures, for display: no model and no other data are needed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from attacks.parts import PARTS, Part, Purify
from attacks.registry import split_name
from bench.spec import Method


def find_cleaners(attack: Method) -> list[Part[Any]]:
    """Return the parts of an attack that change pictures one by one, in the order in which they act.

    Parts that run in a sandbox are left out. Raises UserError for an unknown part, option or value.

    >>> [part.name for part in find_cleaners(Method(name="full_sft+crop_color+jpeg+drop_inserted"))]
    ['jpeg', 'crop_color']
    """
    parts = []
    for name in split_name(attack.name)[1]:
        own = {key.partition(".")[2]: value for key, value in attack.options.items() if key.startswith(f"{name}.")}
        if not PARTS.sandboxed(name):
            parts.append(PARTS.build(Method(name=name, options=own)))
    changing = [part for part in parts if isinstance(part, Purify) or part.augments]
    return sorted(changing, key=lambda part: part.augments)


def clean_picture(pixels: np.ndarray, cleaners: Sequence[Part[Any]], rng: Generator) -> np.ndarray:
    """Return a picture, (H, W, 3) uint8 in 0..255, as it is in a step of training after `find_cleaners`."""
    for part in cleaners:
        pixels = part.purify(pixels, rng) if isinstance(part, Purify) else part.augment(pixels, rng)
    return pixels
