"""Which idle worker does which task: a model that is loaded is used again before another one is loaded."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from bench.engine.stage import Stage


def pairs(idle: Sequence[AbstractSet[str]], ready: Sequence[Stage]) -> list[tuple[int, Stage]]:
    """Give each idle worker, known by the models that it has loaded, one of the ready tasks; the first ones first.

    The pair that loads the least goes first. Where several workers would do, the one with the fewest models takes the
    task, so that the others stay free for what they have loaded.
    """
    workers, tasks = dict(enumerate(idle)), dict(enumerate(ready))
    found = []
    while workers and tasks:
        worker, task = min(
            product(workers, tasks),
            key=lambda pair: (len(set(tasks[pair[1]].models) - workers[pair[0]]), pair[1], len(workers[pair[0]])),
        )
        found.append((worker, tasks.pop(task)))
        del workers[worker]
    return found
