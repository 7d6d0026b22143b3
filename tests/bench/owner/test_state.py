"""The folders of a job: one process at a time, however closely two begin."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from bench.errors import UserError
from bench.owner.protect import protect
from bench.owner.state import State
from tests.bench.owner.conftest import JobMaker


def test_of_processes_that_begin_together_one_works(tmp_path: Path) -> None:
    """Each has its own handle on the folder, as a process has."""
    barrier = Barrier(4)

    def begin(state: State) -> str:
        barrier.wait()
        try:
            return "works" if state.open("command") else "goes on"
        except UserError as error:
            return str(error)

    for number in range(20):
        states = [State(tmp_path / str(number)) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            ends = sorted(pool.map(begin, states))
        assert ends[-1] == "works" and all(end.startswith("out: ") for end in ends[:-1]), ends
        for state in states:
            state.close()


def test_the_root_of_the_disk_is_no_name_of_a_new_folder(source: Path, job: JobMaker) -> None:
    with pytest.raises(UserError, match="out: '/' is no name of a new folder"):
        protect(source, Path("/"), job())
