"""Joules come from the counters of the machine, which wrap to zero. Without counters they are None, never 0."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.store import artifacts, energy, nvml
from bench.store.energy import Meter

FULL = 262_143_328_850


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test on a machine without counters."""
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "powercap")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    for function in (energy._open_rapl, nvml._devices):
        function.cache_clear()
    yield
    for function in (energy._open_rapl, nvml._devices):
        function.cache_clear()


def zone(name: str, label: str, microjoules: int) -> Path:
    """Create a counter as the kernel shows it, and return the file with its value."""
    folder = energy.POWERCAP / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{label}\n")
    (folder / "max_energy_range_uj").write_text(f"{FULL}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder / "energy_uj"


def library(**changes: Any) -> SimpleNamespace:
    """Return a stand-in for NVIDIA's library with two accelerators. Its `used` are their counters in millijoules."""

    class NVMLError(Exception):
        """The error of the library."""

    used = [5_000_000, 7_000_000]
    functions = {
        "NVMLError": NVMLError, "used": used, "nvmlInit": lambda: None, "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda device: f"Accelerator {device}",
        "nvmlDeviceGetTotalEnergyConsumption": lambda device: used[device],
    }  # fmt: skip
    return SimpleNamespace(**functions | changes)


def test_a_machine_that_counts_nothing_says_none() -> None:
    assert Meter().read_joules() == {"processor_joules": None, "accelerator_joules": None}
    assert nvml.device_names() == []


def test_processors_are_the_sum_of_their_packages_alone() -> None:
    first, second = zone("intel-rapl:0", "package-0", 1_000_000), zone("intel-rapl:1", "package-1", 2_000_000)
    parts = [zone("intel-rapl:0:0", "core", 0), zone("intel-rapl:2", "psys", 0), zone("dtpm", "package-2", 0)]
    meter = Meter()
    first.write_text("3500000")
    second.write_text("2250000")
    for part in parts:
        part.write_text("99000000")
    assert meter.read_joules()["processor_joules"] == 2.8


def test_a_counter_that_starts_again_from_zero_loses_nothing() -> None:
    file = zone("intel-rapl:0", "package-0", FULL - 999_999)
    meter = Meter()
    for microjoules in (4_000_000, FULL, 1_000_000):
        file.write_text(str(microjoules))
        later = Meter()
    file.write_text("3500000")
    assert meter.read_joules()["processor_joules"] == pytest.approx(1 + 4 + (FULL - 4e6) / 1e6 + 3.5, abs=0.1)
    assert later.read_joules()["processor_joules"] == 2.5


def test_the_counters_are_read_while_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "INTERVAL", 0.01)
    file = zone("intel-rapl:0", "package-0", 0)
    meter = Meter()
    rapl = energy._open_rapl()
    assert rapl is not None
    for microjoules in (FULL // 2, 0, FULL // 2, 0):  # two turns, which the first and last reading do not show
        file.with_name("new").write_text(str(microjoules))
        file.with_name("new").replace(file)
        end = time.monotonic() + 10
        while rapl._last != [microjoules] and time.monotonic() < end:
            time.sleep(0.01)
    assert meter.read_joules()["processor_joules"] == pytest.approx(2 * FULL / 1e6, rel=1e-6)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_counters_that_only_root_may_read_are_none() -> None:
    zone("intel-rapl:0", "package-0", 0).chmod(0)
    assert Meter().read_joules()["processor_joules"] is None


def test_a_refused_counter_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: energy._Rapl) -> list[int]:
        raise PermissionError

    zone("intel-rapl:0", "package-0", 0)
    monkeypatch.setattr(energy._Rapl, "_read", refuse)
    assert Meter().read_joules()["processor_joules"] is None


def test_accelerators_are_summed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = library()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    meter = Meter()
    fake.used[:] = [5_001_500, 7_002_000]
    assert (nvml.device_names(), meter.read_joules()["accelerator_joules"]) == (["Accelerator 0", "Accelerator 1"], 3.5)


@pytest.mark.parametrize(("broken", "names"), [("nvmlInit", 0), ("nvmlDeviceGetTotalEnergyConsumption", 2)])
def test_a_driver_that_refuses_is_none(monkeypatch: pytest.MonkeyPatch, broken: str, names: int) -> None:
    fake = library()

    def refuse(*_: object) -> None:
        raise fake.NVMLError

    setattr(fake, broken, refuse)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    assert (len(nvml.device_names()), Meter().read_joules()["accelerator_joules"]) == (names, None)


def test_an_artefact_says_what_it_used(bench_home: Path) -> None:
    file = zone("intel-rapl:0", "package-0", 0)

    def work(folder: Path) -> None:
        file.write_text("12500000")

    artifact = artifacts.make("evaluate", {"a": 1}, work)
    cost = json.loads((artifact.folder / "manifest.json").read_text())["cost"]
    assert (cost["processor_joules"], cost["accelerator_joules"]) == (12.5, None)
