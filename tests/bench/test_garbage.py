"""The processes of the command line collect garbage seldom, and not at their end."""

import subprocess
import sys

from bench.garbage import THRESHOLDS


def run(program: str) -> str:
    """Return what a program of Python prints."""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def test_at_the_end_nothing_is_looked_through() -> None:
    program = """
import atexit, gc
from bench.garbage import collect_seldom
kept = [[number] for number in range(10_000)]
atexit.register(lambda: print(gc.get_freeze_count()))  # the last to be registered is the first to be called
{call}
"""
    assert int(run(program.format(call=""))) < 10_000 <= int(run(program.format(call="collect_seldom()")))


def test_garbage_of_a_long_run_is_still_found() -> None:
    program = """
import weakref
from bench.garbage import THRESHOLDS, collect_seldom
collect_seldom()
class Ring:
    def __init__(self):
        self.self = self
first = Ring()
seen, first, kept = weakref.ref(first), None, []
print(seen() is None)
kept = [[] for _ in range(2 * THRESHOLDS[0])]
print(seen() is None)
"""
    assert run(program).split() == ["False", "True"]


def test_the_command_line_collects_seldom() -> None:
    program = """
import gc, sys
sys.argv = ["bench", "list", "attacks"]
from bench.cli.main import main
try:
    main()
except SystemExit:
    print(*gc.get_threshold())
"""
    assert run(program).splitlines()[-1] == " ".join(map(str, THRESHOLDS))
