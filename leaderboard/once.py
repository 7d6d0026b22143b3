"""Values that follow from a table, computed once for all visitors and kept as long as the table lives."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import finalize

import pandas as pd

P = ParamSpec("P")
T = TypeVar("T")

MOST = 32
"""Values of one function that are kept of a table; of more, the oldest is computed again."""


def once(compute: Callable[Concatenate[pd.DataFrame, P], T]) -> Callable[Concatenate[pd.DataFrame, P], T]:
    """Return a function that computes its value once for each table and each set of further arguments.

    Of visitors who ask at the same time, one computes and the others wait. The value must not hold the table itself,
    which would then live for ever. A further argument that is a table counts as the same while it is the same object.
    """
    kept: dict[int, dict[Any, Future[T]]] = {}
    lock = Lock()

    @wraps(compute)
    def get(table: pd.DataFrame, /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = tuple(id(value) if isinstance(value, pd.DataFrame) else value for value in (*args, *kwargs.items()))
        with lock:
            if id(table) not in kept:
                kept[id(table)] = {}
                finalize(table, kept.pop, id(table), None)
            values = kept[id(table)]
            is_first = key not in values
            if is_first:
                if len(values) >= MOST:
                    values.pop(next(iter(values)))
                values[key] = Future()
            future = values[key]
        if is_first:
            try:
                future.set_result(compute(table, *args, **kwargs))
            except BaseException as error:
                future.set_exception(error)
                values.pop(key, None)
        return future.result()

    return get
