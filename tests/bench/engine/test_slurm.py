"""What is submitted to Slurm, as its sbatch sees it; and jobs that end, fail and die, on submitit's local cluster."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.engine import slurm as module
from bench.engine.attempt import RETRIES
from bench.engine.costs import Costs, StageCost
from bench.errors import UserError
from bench.play.schedule import play_plan
from bench.stages.stage import Stage
from tests.bench.toys import costs, plan_of, toy

pytest.importorskip("submitit")
from submitit.core.utils import FailedJobError, UncompletedJobError

from bench.engine.slurm import Slurm


class Programs:
    """Slurm's programs, alone on the PATH: what was submitted is kept, and nothing is ever run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("sbatch", f'n=$(ls {folder}/*.job 2>/dev/null | wc -l)\ncp "$1" {folder}/$n.job\necho job $n\n')
        self.write("sinfo", "echo '(null)'\n")
        self.write("srun", "exit 1\n")
        self.write("scancel", f"echo $1 >> {folder}/cancelled\n")
        self.write("sacct", "echo 'JobID|State'\n")

    def write(self, name: str, script: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}")
        (self.folder / name).chmod(0o755)

    def submitted(self) -> list[dict[str, str]]:
        """The options of each submission, in order."""
        files = sorted(self.folder.glob("*.job"), key=lambda file: int(file.stem))
        return [dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", file.read_text(), re.M)) for file in files]


@pytest.fixture
def programs(bench_home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Programs:
    folder = tmp_path_factory.mktemp("programs")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("BENCH_THREADS")
    return Programs(folder)


def submit(tasks: Sequence[Stage], workers: int | None = None, known: Costs | None = None) -> list[Stage]:
    """What Slurm is given of these; all of it is cancelled."""
    with Slurm(workers, None, known or Costs([])) as engine:
        return engine.start(tasks)


def test_the_ready_stages_of_a_kind_are_one_array(programs: Programs) -> None:
    tasks = [toy(f"{kind}{number}", kind=kind) for number in range(3) for kind in ("audit", "protect")]
    tasks.append(toy("alone", kind="zero"))
    started = submit(tasks)
    assert sorted(task.title for task in started) == sorted(task.title for task in tasks)
    audits, protects, alone = programs.submitted()
    assert (audits["job-name"], audits["array"].partition("%")[0]) == ("bench-audit", "0-2")
    assert (protects["job-name"], protects["array"].partition("%")[0]) == ("bench-protect", "0-2")
    assert alone["job-name"] == "bench-zero" and "array" not in alone


@pytest.mark.parametrize(
    ("resources", "models", "threads", "cpus", "gpus"),
    [
        ("gpu:a:4", ("m",), None, "8", "1"),
        ("gpu:a:4", (), None, "1", None),  # no GPU is held by what has no model
        ("(null)", ("m",), None, "8", None),
        ("gpu:a:4", ("m",), "3", "3", "1"),
    ],
)
def test_a_stage_with_a_model_asks_for_cores_and_for_a_gpu_where_there_is_one(
    programs: Programs,
    monkeypatch: pytest.MonkeyPatch,
    resources: str,
    models: tuple[str, ...],
    threads: str | None,
    cpus: str,
    gpus: str | None,
) -> None:
    programs.write("sinfo", f"echo '(null)'\necho '{resources}'\n")
    if threads:
        monkeypatch.setenv("BENCH_THREADS", threads)
    submit([toy("one", models=models)])
    (asked,) = programs.submitted()
    assert asked["cpus-per-task"] == cpus
    assert asked.get("gpus-per-node", "0") == (gpus or "0")


@pytest.mark.parametrize(
    ("peaks", "memory"), [([1000], "2GB"), ([1000, 3000], "4GB"), ([819.2], "1GB"), ([820], "2GB")]
)
def test_memory_is_the_largest_that_stages_like_them_took_and_a_quarter(
    programs: Programs, peaks: list[float], memory: str
) -> None:
    """3000 MB are 2.93 of Slurm's GB, and 3.66 with the margin."""
    tasks = [toy(f"{peak}", kind="attack") for peak in peaks]
    known = Costs([])
    known.estimates = {task.identity: StageCost(1, peak, 1) for task, peak in zip(tasks, peaks, strict=True)}
    submit(tasks, known=known)
    assert [asked["mem"] for asked in programs.submitted()] == [memory]


def test_memory_is_left_to_slurm_where_one_of_an_array_was_never_played(programs: Programs) -> None:
    submit([toy("a", kind="known"), toy("b", kind="strange")], known=costs("known", peak_mb=100))
    known, strange = programs.submitted()
    assert known["mem"] == "1GB" and "mem" not in strange


def test_no_more_than_the_workers_are_submitted_and_all_is_cancelled_in_the_end(programs: Programs) -> None:
    tasks = [toy(str(number)) for number in range(4)]
    assert submit(tasks, workers=2) == tasks[:2]
    (asked,) = programs.submitted()
    assert asked["array"].partition("%")[0] == "0-1"
    assert sorted((programs.folder / "cancelled").read_text().split()) == ["0_0", "0_1"]


def test_without_slurm_it_is_told(programs: Programs) -> None:
    programs.write("sinfo", "echo 'Unable to contact slurm controller' >&2; exit 1\n")
    with pytest.raises(UserError, match=r"'slurm' does not answer: Unable to contact slurm controller"):
        submit([])
    (programs.folder / "sbatch").unlink()
    with pytest.raises(UserError, match=r"'slurm' found no sbatch on the PATH"):
        submit([])


def test_an_unknown_address_is_told() -> None:
    with pytest.raises(UserError, match=r"address: 'locl' is not known; did you mean 'local'\?; allowed: slurm, local"):
        Slurm(1, "locl", Costs([]))


class Job:
    """A job that ended."""

    def __init__(self, end: Exception | str | None) -> None:
        self.end, self.cancelled = end, False

    def done(self, force_check: bool = False) -> bool:
        return True

    def result(self) -> str | None:
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    def cancel(self, check: bool = True) -> None:
        self.cancelled = True


@pytest.fixture
def ends(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """How each job of a stage is going to end, one after the other, by its title."""
    planned: dict[str, list[Any]] = {}

    class Executor:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def update_parameters(self, **_: Any) -> None:
            pass

        def map_array(self, work: Any, tasks: list[Stage], threads: list[int]) -> list[Job]:
            return [Job(planned[task.title].pop(0)) for task in tasks]

    monkeypatch.setattr(module.submitit, "AutoExecutor", Executor)
    return planned


def outcome(task: Stage) -> list[str | None]:
    """What the engine tells of the task in the end, and before that."""
    with Slurm(1, "local", Costs([])) as engine:
        engine.start([task])
        told = []
        while engine.running:
            told += [error for _, error in engine.finished()]
        return told


DIED = UncompletedJobError("out of memory")


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ([None], None),
        (["Traceback: wrong"], "Traceback: wrong"),
        ([FailedJobError("it cannot be read")], "it cannot be read"),
        ([DIED, None], None),
        ([DIED, DIED, "Traceback: wrong"], "Traceback: wrong"),
        ([DIED] * (RETRIES + 1), f"the worker died {RETRIES + 1} times, out of memory"),
    ],
)
def test_a_job_that_died_is_submitted_again_and_an_error_is_not(
    ends: dict[str, list[Any]], ended: list[Any], told: str | None
) -> None:
    ends["one"] = list(ended)
    assert outcome(toy("one")) == [told]
    assert ends["one"] == []


@pytest.fixture
def local(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Two jobs at a time, of this machine."""
    monkeypatch.setattr(module, "POLL", 0.05)
    monkeypatch.setenv("BENCH_THREADS", "4")
    return Slurm(2, "local", Costs([]))


def test_stages_are_played_by_jobs_with_their_share_of_the_cores(local: Slurm) -> None:
    good, bad = toy("good", models=("m",)), toy("bad", mood="fails", models=("m",))
    outcome = play_plan(plan_of([good, bad]), local)
    assert list(outcome.failed) == [bad.identity] and "ValueError: it cannot be done" in outcome.failed[bad.identity]
    assert (made := good.find()) and made.read("told.json")["BENCH_THREADS"] == "2"


@pytest.mark.slow  # submitit looks for the results of a dead job for a while
def test_a_job_that_is_killed_is_really_submitted_again(local: Slurm, bench_home: Path) -> None:
    stage = toy("one", mood="dies once")
    assert play_plan(plan_of([stage]), local).failed == {}
    assert stage.find()
    assert (bench_home / "tries.log").read_text().split("\n").count("dies once") == 2
