"""Examine everything, in the order in which a person would look."""

from collections.abc import Callable, Iterator

from bench.doctor.finding import Finding
from bench.doctor.home import examine_cache, examine_database, examine_home
from bench.doctor.machine import examine_cores, examine_devices, examine_packages, examine_torch
from bench.doctor.reach import examine_hub, examine_models, examine_sandbox
from bench.errors import UserError

CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "packages": examine_packages,
    "cores": examine_cores,
    "devices": examine_devices,
    "home": examine_home,
    "results": examine_database,
    "cache": examine_cache,
    "models": examine_models,
    "hub": examine_hub,
    "sandbox": examine_sandbox,
}


def examine(*, devices: bool = False) -> list[Finding]:
    """Return the findings of every check. devices: also ask torch, in a process of its own, which takes seconds.

    A value that the suite refuses is a finding, and no error.
    """
    checks = CHECKS | ({"torch": examine_torch} if devices else {})
    return [finding for topic, check in checks.items() for finding in _report(topic, check)]


def _report(topic: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except UserError as error:
        reason, _, mend = str(error).partition("; ")
        yield Finding(topic, "broken", reason, mend)
