"""Pseudo-classes of pictures, for methods that were made for class labels. One picture is in one cluster.

Closed answers: pictures with the same normalised answers. Open answers: k-means on TF-IDF of questions and answers.
Clusters without text are made in `vision.py`.
"""

from collections import Counter
from typing import Any

from pydantic import Field

from bench.samples import SampleSet
from bench.scoring.matching import normalise
from bench.spec import Options


class ClusterOptions(Options):
    """Options of the pseudo-classes."""

    clusters: int = Field(10, ge=2, le=10_000, description="k of k-means where answers are open (UC: 10)")


def cluster_by_answer(samples: SampleSet, count: int, seed: int) -> dict[str, int]:
    """Return the cluster of each picture by its answers.

    Closed answers: at least half of the pictures share theirs with another picture. The pictures that share them with
    none form the last cluster. Otherwise `cluster_by_text` into `count` clusters.
    """
    answers: dict[str, set[str]] = {}
    for s in samples:
        answers.setdefault(s.image_id, set()).add(normalise(s.answer))
    keys = {image_id: tuple(sorted(texts)) for image_id, texts in answers.items()}
    sizes = Counter(keys.values())
    shared = sorted(key for key, size in sizes.items() if size > 1)
    if 2 * sum(sizes[key] for key in shared) < len(keys):
        return cluster_by_text(samples, count, seed)
    numbers = {key: number for number, key in enumerate(shared)}
    return {image_id: numbers.get(key, len(shared)) for image_id, key in keys.items()}


def cluster_by_text(samples: SampleSet, count: int, seed: int) -> dict[str, int]:
    """Return k-means clusters on TF-IDF of all questions and answers about a picture; no sentence encoder is needed."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts: dict[str, list[str]] = {}
    for s in samples:
        texts.setdefault(s.image_id, []).append(normalise(f"{s.question} {s.answer}"))
    documents = [" ".join(lines) for lines in texts.values()]
    points = TfidfVectorizer(token_pattern=r"\S+").fit_transform(documents)
    return dict(zip(texts, k_means(points, count, seed), strict=True))


def k_means(points: Any, count: int, seed: int) -> list[int]:
    """Return the label of each point; on one thread, so that sums are taken in one order on every machine."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        fitted = KMeans(min(count, points.shape[0]), n_init=4, random_state=seed % 2**32).fit(points)
    return [int(label) for label in fitted.labels_]


def members(clusters: dict[str, int]) -> dict[int, list[str]]:
    """Return the pictures of each cluster, in order.

    >>> members({"a": 1, "b": 0, "c": 1})
    {1: ['a', 'c'], 0: ['b']}
    """
    pictures: dict[int, list[str]] = {}
    for image_id, number in clusters.items():
        pictures.setdefault(number, []).append(image_id)
    return pictures
