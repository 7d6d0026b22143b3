"""What plays stages: worker processes of this machine, a Ray cluster, or Slurm."""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Protocol, Self

from bench.errors import UserError, unknown
from bench.play.plan import Costs
from bench.stages.stage import Stage


class Engine(Protocol):
    """Entered for as long as there is something to do; leaving it ends whatever still runs.

    A worker that dies, and an error that passes, are the engine's own affair: it tries the task again.
    """

    def __enter__(self) -> Self:
        """Find the workers. Raises UserError where there are none."""

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """End what still runs; it leaves nothing half-made."""

    def start(self, ready: Sequence[Stage]) -> list[Stage]:
        """Start as many of the ready tasks as there is room for, the first ones first, and give those."""

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait for a started task to end; each that ended, with its traceback where it failed."""


def _local(workers: int | None, address: str | None, costs: Costs) -> Engine:
    from bench.engine.local import Pool

    if address is not None:
        raise UserError(f"address: {address!r} with the engine 'local'; allowed: an address with 'ray' or 'slurm'")
    return Pool(workers)


def _ray(workers: int | None, address: str | None, costs: Costs) -> Engine:
    from bench.engine.ray import Ray

    return Ray(workers, address, costs)


def _slurm(workers: int | None, address: str | None, costs: Costs) -> Engine:
    from bench.engine.slurm import Slurm

    return Slurm(workers, address, costs)


ENGINES: dict[str, Callable[[int | None, str | None, Costs], Engine]] = {"local": _local, "ray": _ray, "slurm": _slurm}

PACKAGES = {"ray": "ray", "slurm": "submitit"}
"""What an engine imports; the extra of the same name as the engine installs it."""


def engine(name: str, workers: int | None, address: str | None, costs: Costs) -> Engine:
    """An engine by name, with at most so many stages at a time; `costs` tell what a stage asks a cluster for.

    Raises UserError for an unknown name, and where the engine's extra is not installed.
    """
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    if name in PACKAGES and find_spec(PACKAGES[name]) is None:
        raise UserError(f"engine: {name!r} needs {PACKAGES[name]}; pip install 'mmguard-bench[{name}]'")
    return ENGINES[name](workers, address, costs)
