"""Which idle worker does which task: a model that is loaded is used again before another one is loaded."""

from collections import defaultdict, deque
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from bench.stages.stage import Stage


def pairs(idle: Sequence[AbstractSet[str]], ready: Sequence[Stage]) -> list[tuple[int, Stage]]:
    """Give each idle worker, known by the models that it has loaded, one of the ready tasks; the first ones first.

    The pair that loads the least goes first. Where several workers would do, the one with the fewest models takes the
    task, so that the others stay free for what they have loaded.
    """
    workers, waiting = dict(enumerate(idle)), defaultdict[tuple[str, ...], deque[Stage]](deque)
    place = {task.identity: number for number, task in enumerate(ready)}
    for task in ready:  # of those with the same models the first one alone is looked at: there may be thousands
        waiting[task.models].append(task)
    found = []
    while workers and waiting:
        worker, models = min(
            product(workers, waiting),
            key=lambda pair: (
                len(set(pair[1]) - workers[pair[0]]),
                place[waiting[pair[1]][0].identity],
                len(workers[pair[0]]),
            ),
        )
        found.append((worker, waiting[models].popleft()))
        del workers[worker]
        if not waiting[models]:
            del waiting[models]
    return found
