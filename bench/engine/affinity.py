"""Assignment of stages to idle workers, so that a loaded model is used again before another one is loaded."""

from collections import defaultdict, deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from bench.stages.stage import Stage


def assign(loaded: Sequence[AbstractSet[str]], ready: Sequence[Stage]) -> list[tuple[int, Stage]]:
    """Give each idle worker one of the ready stages; return pairs of a worker's index and its stage.

    `loaded`: the models that each idle worker holds. The pair that loads the fewest models goes first, then the stage
    that comes first in `ready`. Where several workers would do, the one with the fewest models takes the stage, so that
    the others stay free for what they have loaded.
    """
    workers = dict(enumerate(loaded))
    waiting: dict[tuple[str, ...], deque[Stage]] = defaultdict(deque)
    position = {stage.identity: number for number, stage in enumerate(ready)}
    for stage in ready:  # only the first stage of those with the same models is compared: there may be thousands
        waiting[stage.models].append(stage)
    pairs = []
    while workers and waiting:
        worker, models = min(
            product(workers, waiting),
            key=lambda pair: (
                len(set(pair[1]) - workers[pair[0]]),
                position[waiting[pair[1]][0].identity],
                len(workers[pair[0]]),
            ),
        )
        pairs.append((worker, waiting[models].popleft()))
        del workers[worker]
        if not waiting[models]:
            del waiting[models]
    return pairs
