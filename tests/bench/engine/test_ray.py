"""What a stage asks Ray for, with Ray's own answers in the place of a cluster; tests/e2e plays on a real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.engine.attempt import RETRIES, attempt
from bench.engine.costs import Costs
from bench.errors import UserError
from bench.stages.stage import Stage
from tests.bench.toys import costs, toy

ray = pytest.importorskip("ray")
from bench.engine.ray import Ray, _remote  # noqa: E402

GB = 2**30
PLAIN, MODEL = toy("plain"), toy("model", models=("m",))


def node(cpus: float, gpus: float = 0, memory: float = 64 * GB, *, alive: bool = True) -> dict[str, Any]:
    """A node as `ray.nodes()` tells of it: what it has none of is absent."""
    resources = {"CPU": cpus, "GPU": gpus, "memory": memory}
    return {"Alive": alive, "Resources": {key: value for key, value in resources.items() if value}}


class Cluster:
    """Ray's functions: tasks end when they are asked for, the oldest first, and each is done by `results`."""

    def __init__(self) -> None:
        self.nodes = [node(4)]
        self.init: tuple[Any, dict[str, Any]] | None = None
        self.asked: list[dict[str, Any]] = []
        self.given: list[tuple[Stage, int]] = []
        self.results: dict[str, Any] = {}
        self.cancelled: list[Any] = []
        self.open = False

    def connect(self, address: str | None, **options: Any) -> None:
        self.open, self.init = True, (address, options)

    def close(self) -> None:
        self.open = False

    def options(self, **ask: Any) -> "Cluster":
        self.asked.append(ask)
        return self

    def remote(self, task: Stage, threads: int) -> str:
        self.given.append((task, threads))
        return task.title

    def wait(
        self, references: list[Any], num_returns: int, timeout: float | None = None
    ) -> tuple[list[Any], list[Any]]:
        return references[:1], references[1:]

    def get(self, reference: Any) -> Any:
        result = self.results.get(reference)
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def cluster(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster()
    monkeypatch.setattr(ray, "init", made.connect)
    monkeypatch.setattr(ray, "shutdown", made.close)
    monkeypatch.setattr(ray, "nodes", lambda: made.nodes)
    monkeypatch.setattr(ray, "wait", made.wait)
    monkeypatch.setattr(ray, "get", made.get)
    monkeypatch.setattr(ray, "cancel", made.cancelled.append)
    monkeypatch.setattr("bench.engine.ray._remote", made)
    yield made
    assert not made.open


def request(task: Stage, workers: int | None = None, known: Costs | None = None) -> dict[str, Any]:
    with Ray(workers, None, known or Costs([])) as engine:
        return engine.request(task)


@pytest.mark.parametrize(
    ("nodes", "workers", "cpus", "gpus"),
    [
        ([node(16)], None, 16, 0),  # whatever there is room for: a node is one stage's
        ([node(16)], 2, 8, 0),
        ([node(16)], 5, 3, 0),
        ([node(2)], 5, 1, 0),  # more at a time than cores: one each, and Ray lets them wait
        ([node(8), node(4)], 2, 4, 0),  # 6 would fit on one of them alone
        ([node(8), node(4)], None, 4, 0),
        ([node(16, 2)], None, 8, 1),  # its share of the node
        ([node(16, 4), node(8)], None, 4, 1),
        ([node(32, 4), node(16, 8)], None, 2, 1),
        ([node(2, 4)], None, 1, 1),
        ([node(16), node(2, alive=False), node(0, 1)], None, 16, 0),  # what is gone, or has no core, counts for nothing
    ],
)
def test_a_stage_with_a_model_asks_for_its_share_and_for_a_gpu_where_there_is_one(
    cluster: Cluster, nodes: list[dict[str, Any]], workers: int | None, cpus: int, gpus: int
) -> None:
    cluster.nodes = nodes
    asked = request(MODEL, workers)
    assert (asked["num_cpus"], asked["num_gpus"]) == (cpus, gpus)
    assert any(
        asked["num_cpus"] <= each["Resources"].get("CPU", 0) and asked["num_gpus"] <= each["Resources"].get("GPU", 0)
        for each in nodes
    ), "no node could ever do it"


def test_a_stage_without_a_model_asks_for_one_core(cluster: Cluster) -> None:
    cluster.nodes = [node(16, 2)]
    assert request(PLAIN) == {"num_cpus": 1, "num_gpus": 0, "memory": None}


@pytest.mark.parametrize(("peak", "asked"), [(1000.0, 1000 * 2**20), (0.5, 2**19), (9e6, 32 * GB)])
def test_memory_is_what_a_stage_like_it_took_and_never_more_than_a_node_has(
    cluster: Cluster, peak: float, asked: int
) -> None:
    cluster.nodes = [node(4, memory=16 * GB), node(4, memory=32 * GB)]
    assert request(PLAIN, known=costs(peak_mb=peak))["memory"] == asked
    assert request(PLAIN, known=costs("other", peak_mb=peak))["memory"] is None


def test_a_cluster_without_a_core_is_told_and_left(cluster: Cluster) -> None:
    cluster.nodes = [node(0, 1), node(8, alive=False)]
    with pytest.raises(UserError, match=r"address: 'there:1': no node has a core"), Ray(1, "there:1", Costs([])):
        pass


@pytest.mark.parametrize("error", [ConnectionError("nobody answers"), ValueError("no port"), RuntimeError("version")])
def test_an_address_of_no_use_is_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(UserError, match=f"address: 'there:1': {error}"), Ray(1, "there:1", Costs([])):
        pass


def test_workers_are_told_where_the_home_and_the_stores_are(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", "relative")
    monkeypatch.setenv("BENCH_ARTIFACTS", "s3://bucket")
    monkeypatch.delenv("BENCH_RESULTS", raising=False)
    monkeypatch.setenv("SECRET", "mine")
    with Ray(1, "there:1", Costs([])):
        assert cluster.init
        address, options = cluster.init
    told = options["runtime_env"]["env_vars"]
    assert address == "there:1"
    assert told["BENCH_HOME"] == str(Path.cwd() / "relative") and told["BENCH_ARTIFACTS"] == "s3://bucket"
    assert not {"BENCH_RESULTS", "SECRET"} & told.keys()


def test_no_more_than_the_workers_start_and_the_first_ones_first(cluster: Cluster) -> None:
    tasks = [toy(str(number), models=("m",)) for number in range(4)]
    with Ray(2, None, Costs([])) as engine:
        assert engine.start(tasks) == tasks[:2]
        assert engine.start(tasks[2:]) == []
        assert list(engine.finished()) == [(tasks[0], None)]
        assert engine.start(tasks[2:]) == [tasks[2]]
        assert [each.title for each, _ in cluster.given] == ["0", "1", "2"]
    assert {threads for _, threads in cluster.given} == {2}, "the cores that were asked for are those that it uses"
    assert {ask["num_cpus"] for ask in cluster.asked} == {2}
    assert cluster.cancelled == ["1", "2"]


def test_without_a_number_all_that_is_ready_is_rays(cluster: Cluster) -> None:
    tasks = [toy(str(number)) for number in range(50)]
    with Ray(None, None, Costs([])) as engine:
        assert engine.start(tasks) == tasks


def test_failures_and_deaths_are_text(cluster: Cluster) -> None:
    tasks = [toy("fails"), toy("dies"), toy("works")]
    cluster.results = {"fails": "Traceback", "dies": ray.exceptions.WorkerCrashedError()}
    with Ray(3, None, Costs([])) as engine:
        engine.start(tasks)
        ends = {task.title: error for _ in tasks for task, error in engine.finished()}
    assert ends["fails"] == "Traceback" and ends["works"] is None
    assert ends["dies"] and "worker died" in ends["dies"]


def test_a_second_interruption_does_not_wait(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Ray(1, None, Costs([])) as engine:
        engine.start([PLAIN])
        monkeypatch.setattr(ray, "wait", interrupted)
    assert cluster.cancelled == ["plain"]
    assert not cluster.open


def test_ray_itself_tries_again_after_a_death_and_keeps_the_worker_for_the_model_it_has() -> None:
    assert _remote._function is attempt
    assert (_remote._default_options["max_retries"], _remote._default_options["max_calls"]) == (RETRIES, 0)
