"""Changes that a release made to one sample: to its picture and to the words of its question."""

import numpy as np

AMPLIFICATION = 10


def amplify_difference(original: np.ndarray, released: np.ndarray) -> np.ndarray:
    """Return ten times the change of a picture around mid-gray. All arrays are (H, W, 3) uint8 in 0..255.

    >>> amplify_difference(np.full((1, 1, 3), 100, np.uint8), np.full((1, 1, 3), 101, np.uint8)).tolist()
    [[[138, 138, 138]]]
    """
    change = released.astype(int) - original
    return np.asarray(np.clip(128 + AMPLIFICATION * change, 0, 255), np.uint8)


def largest_change(original: np.ndarray, released: np.ndarray) -> int:
    """Return the L-infinity distance of two (H, W, 3) uint8 pictures in levels of 0..255.

    >>> largest_change(np.zeros((1, 2, 3), np.uint8), np.full((1, 2, 3), 8, np.uint8))
    8
    """
    return int(abs(original.astype(int) - released).max())


def place_side_by_side(original: np.ndarray, released: np.ndarray) -> np.ndarray:
    """Return a picture, its release and their difference in one picture; without the difference if sizes differ.

    >>> place_side_by_side(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)).shape
    (4, 14, 3)
    """
    same = original.shape == released.shape
    return join(original, released, *([amplify_difference(original, released)] if same else []))


def join(*pictures: np.ndarray) -> np.ndarray:
    """Return pictures, (H, W, 3) uint8, beside one another with a white line between them.

    >>> join(np.zeros((4, 4, 3), np.uint8), np.ones((2, 4, 3), np.uint8)).shape
    (4, 9, 3)
    """
    height = max(len(picture) for picture in pictures)
    padded = [np.pad(part, ((0, height - len(part)), (0, 1), (0, 0)), constant_values=255) for part in pictures]
    return np.concatenate(padded, axis=1)[:, :-1]


def enlarge(pixels: np.ndarray, side: int = 384) -> np.ndarray:
    """Return a small picture with its pixels repeated a whole number of times, up to `side` pixels, for sharp display.

    >>> enlarge(np.zeros((8, 6, 3), np.uint8)).shape
    (384, 288, 3)
    """
    factor = max(1, side // max(pixels.shape[:2]))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def find_inserted(original: str, released: str) -> list[tuple[str, bool]]:
    """Return the words of a released question, each with True where it is not one of the original, in order.

    >>> find_inserted("what is it", "oh what is it")
    [('oh', True), ('what', False), ('is', False), ('it', False)]
    """
    remaining, words = original.split(), []
    for word in released.split():
        kept = bool(remaining) and word == remaining[0]
        if kept:
            remaining = remaining[1:]
        words.append((word, not kept))
    return words
