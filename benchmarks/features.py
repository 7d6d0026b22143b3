"""Seconds of an evaluation whose pictures the tower has seen, over one where it has not, in one process.

python benchmarks/features.py [VICTIM]
"""

import statistics
import sys
import time

from bench.lvlm.catalog import load
from bench.lvlm.feature_cache import FeatureCache
from bench.lvlm.features import cache_features
from bench.runtime import prepare
from bench.stages.evaluate import evaluate


def main(name: str) -> None:
    """Print both times, by turns, and their ratio."""
    prepare()
    victim = load(name)

    def answers(*, seen: bool) -> float:
        victim.feature_cache = victim.feature_cache if seen else FeatureCache()
        started = time.perf_counter()
        with cache_features(victim):
            evaluate(victim, "emoji_catalog", "test", lambda *_: None)
        return time.perf_counter() - started

    answers(seen=False)
    first, again = zip(*((answers(seen=False), answers(seen=True)) for _ in range(3)), strict=True)
    print(f"{name}, test split: {statistics.median(first):.1f} s, again {statistics.median(again):.1f} s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
