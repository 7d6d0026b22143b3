"""The interface of an engine, and engines by name."""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from types import TracebackType
from typing import Protocol, Self

from bench.engine.costs import Costs
from bench.errors import UserError, unknown_name
from bench.stages.stage import Stage


class Engine(Protocol):
    """Executes stages. It is entered for as long as there is work; leaving it ends whatever still runs.

    An engine itself handles a worker that dies and an error that passes: it tries the stage again.
    """

    def __enter__(self) -> Self:
        """Find the workers. Raises UserError where there are none."""

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        """End what still runs. Nothing is left half-made."""

    def start(self, ready: Sequence[Stage]) -> list[Stage]:
        """Start as many of the ready stages as there is room for, the first ones first, and return those."""

    def finished(self) -> Iterator[tuple[Stage, str | None]]:
        """Wait until a started stage ends. Yield each that ended, with its traceback where it failed."""


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
"""The package that an engine imports. The extra with the engine's name installs it."""


def open_engine(name: str, workers: int | None, address: str | None, costs: Costs) -> Engine:
    """Return an engine by name. It runs at most `workers` stages at a time; `costs` tell what to ask a cluster for.

    Raises UserError for an unknown name, and where the engine's extra is not installed.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, ENGINES)
    if name in PACKAGES and find_spec(PACKAGES[name]) is None:
        raise UserError(f"engine: {name!r} needs {PACKAGES[name]}; pip install 'mmguard-bench[{name}]'")
    return ENGINES[name](workers, address, costs)
