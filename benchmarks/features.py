"""Seconds of an evaluation, with and without cached vision features: python -m benchmarks.features [VICTIM]"""

import statistics
import sys
import time

from bench.lvlm import catalog
from bench.lvlm.feature_cache import FeatureCache
from bench.lvlm.features import cache_features
from bench.progress import silent
from bench.runtime import prepare
from bench.stages.evaluate import evaluate


def main(name: str) -> None:
    """Print both times, measured in turns in this process."""
    prepare()
    victim = catalog.load(name)

    def measure(*, seen: bool) -> float:
        if not seen:
            victim.feature_cache = FeatureCache()
        started = time.perf_counter()
        with cache_features(victim):
            evaluate(victim, "emoji_catalog", "test", silent)
        return time.perf_counter() - started

    measure(seen=False)
    first, again = zip(*((measure(seen=False), measure(seen=True)) for _ in range(3)), strict=True)
    print(f"{name}, test split: {statistics.median(first):.1f} s, again {statistics.median(again):.1f} s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tiny-llava-a")
