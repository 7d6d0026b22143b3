"""Time of the ranking over a home of many runs, and for twenty visitors: python -m benchmarks.leaderboard HOME

HOME is made by `python -m benchmarks.leaderboard_home HOME 100000`. Pages are run without a browser; a browser adds the
time that it draws. The first visitor after a change waits until rows are read, and the first of a game until its
standing is computed; it is kept in the home. Seconds of the processor are printed too, for machines that are busy.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from streamlit.testing.v1 import AppTest

import leaderboard
from bench.paths import VARIABLE

APP = Path(leaderboard.__file__).with_name("app.py")
VISITORS = 20
T = TypeVar("T")


def clock(what: str, work: Callable[[], T]) -> T:
    """Print how long some work takes, and return what it returns."""
    wall, processor = time.perf_counter(), time.process_time()
    done = work()
    seconds = time.perf_counter() - wall
    print(f"{what}: {seconds:.2f} s, of the processor {time.process_time() - processor:.2f} s", flush=True)
    return done


def open_ranking() -> AppTest:
    """Open the ranking as a new visitor. Raises RuntimeError where the page raises."""
    app = AppTest.from_file(str(APP), default_timeout=3600)
    app.switch_page("views/ranking.py").run()
    if app.exception:
        raise RuntimeError(app.exception[0].message)
    return app


def open_many() -> None:
    """Open the ranking as many visitors, one after the other: Streamlit's test runner bears no threads."""
    for _ in range(VISITORS):
        open_ranking()


def main(home: str) -> None:
    """Print all times."""
    os.environ[VARIABLE] = home
    clock("first visitor: rows are read, standings computed or read", open_ranking)
    app = clock("first paint of the ranking", open_ranking)
    other = next(
        budget for budget in app.selectbox(key="epsilon").options if budget != str(app.selectbox(key="epsilon").value)
    )
    choose = app.selectbox(key="epsilon").set_value(int(other)).run
    clock("another game, its standing is computed or read from the home", choose)
    back = app.selectbox(key="epsilon").set_value(int(app.selectbox(key="epsilon").options[0])).run
    clock("a filter", back)
    clock("a search", app.text_input(key="find").set_value("method").run)
    clock(f"{VISITORS} visitors in turn; of as many at once, the last one waits about as long", open_many)


if __name__ == "__main__":
    main(sys.argv[1])
