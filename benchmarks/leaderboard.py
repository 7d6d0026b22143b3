"""Time of the ranking over a home of many runs, and for twenty visitors: python -m benchmarks.leaderboard HOME

HOME is made by `python -m benchmarks.leaderboard_home HOME 100000`. Pages are run without a browser; a browser adds the
time that it draws. The first visitor after a change waits until rows are read, and the first of a game until its
standing is computed; it is kept in the home. Seconds of the processor are printed too, for machines that are busy. The
twenty visitors are connections to a server of its own, as `bench leaderboard` starts it.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

import leaderboard
from bench.paths import VARIABLE
from scripts.screenshots import serve

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


async def visit(address: str) -> float:
    """Ask a server for the ranking as a browser does; return the seconds until the page is complete."""
    started = time.perf_counter()
    stream = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    async with connect(stream, subprotocols=[Subprotocol("streamlit")], max_size=None) as connection:
        ask = BackMsg()
        ask.rerun_script.page_name = "ranking"
        await connection.send(ask.SerializeToString())
        answer = ForwardMsg()
        while answer.WhichOneof("type") != "script_finished":
            answer.ParseFromString(bytes(await connection.recv(decode=False)))
    return time.perf_counter() - started


async def visit_together(address: str, count: int) -> list[float]:
    """Return the seconds of as many visitors at the same moment, sorted."""
    return sorted(await asyncio.gather(*(visit(address) for _ in range(count))))


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
    with serve() as address:
        for count in (1, 1, VISITORS):
            seconds = asyncio.run(visit_together(address, count))
            print(f"{count} at once of a server: {seconds[0]:.2f} to {seconds[-1]:.2f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
