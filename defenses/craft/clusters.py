"""Pseudo-classes of pictures, for methods that were made for class labels. One picture, one cluster.

Closed answers: pictures with the same normalised answers. Open answers: k-means on TF-IDF of questions and answers.
Without text (`uc`): k-means on features of a frozen vision tower, as Unlearnable Clusters (Zhang et al., CVPR 2023).
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import Field

from bench.samples import SampleSet
from bench.scoring.matching import normalise
from bench.spec import Options

if TYPE_CHECKING:
    from bench.lvlm.base import LVLM

Array = TypeVar("Array", bound=Any)


class ClusterOptions(Options):
    """How answers become pseudo-classes."""

    clusters: int = Field(10, ge=2, le=10_000, description="k of k-means where answers are open (UC: 10)")


def by_answer(samples: SampleSet, count: int, seed: int) -> dict[str, int]:
    """The cluster of each picture: by its answers where half of the pictures share theirs with another, else by text.

    Closed answers that one picture alone has are merged into one cluster, the last. `count`: k of k-means.
    """
    answers: dict[str, set[str]] = {}
    for s in samples:
        answers.setdefault(s.image_id, set()).add(normalise(s.answer))
    keys = {picture: tuple(sorted(own)) for picture, own in answers.items()}
    sizes = Counter(keys.values())
    shared = sorted(key for key, size in sizes.items() if size > 1)
    if 2 * sum(sizes[key] for key in shared) < len(keys):
        return by_text(samples, count, seed)
    number = {key: n for n, key in enumerate(shared)}
    return {picture: number.get(key, len(shared)) for picture, key in keys.items()}


def by_text(samples: SampleSet, count: int, seed: int) -> dict[str, int]:
    """K-means on TF-IDF of all that is asked and answered about a picture; offline there is no sentence encoder."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts: dict[str, list[str]] = {}
    for s in samples:
        texts.setdefault(s.image_id, []).append(normalise(f"{s.question} {s.answer}"))
    documents = [" ".join(own) for own in texts.values()]
    points = TfidfVectorizer(token_pattern=r"\S+").fit_transform(documents)
    return dict(zip(texts, _means(points, count, seed), strict=True))


def by_vision(samples: SampleSet, lvlm: "LVLM", count: int, seed: int) -> dict[str, int]:
    """K-means on the mean features of the frozen vision tower."""
    from defenses.craft.vision import features_of

    found = features_of(samples, lvlm)
    points = np.stack([features.cpu().double().numpy() for features in found.values()])
    return dict(zip(found, _means(points, count, seed), strict=True))


def _means(points: Any, count: int, seed: int) -> list[int]:
    """K-means; on one thread, so that sums are taken in one order on every machine."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        fitted = KMeans(min(count, points.shape[0]), n_init=4, random_state=seed % 2**32).fit(points)
    return [int(label) for label in fitted.labels_]


def members(clusters: dict[str, int]) -> dict[int, list[str]]:
    """The pictures of each cluster, in order."""
    found: dict[int, list[str]] = {}
    for picture, number in clusters.items():
        found.setdefault(number, []).append(picture)
    return found


def stretched(noise: Array, size: Sequence[int]) -> Array:
    """Noise (3, H, W), an array or a tensor, on a picture of (height, width) `size`: every value stays one."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, noise.shape[-2:], strict=True))
    return noise if tuple(noise.shape[-2:]) == tuple(size) else noise[:, rows][:, :, columns]
