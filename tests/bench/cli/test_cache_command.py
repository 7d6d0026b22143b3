"""`bench cache` and `bench suite clean`: what they say, what they leave, and their exit codes."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bench.cli.main import main
from bench.game.suite import read_suite
from bench.play.plan import Plan, make_plan
from bench.results.rows import Run, load
from bench.store import artifacts


@pytest.fixture
def two(bench_home: Path) -> list[str]:
    """Two artefacts of 0.1 MB, the older first, as if from an earlier process."""

    def work(folder: Path) -> None:
        (folder / "x.bin").write_bytes(bytes(100_000))

    pair = [artifacts.make("protect", {"name": name}, work) for name in "ab"]
    for time, artifact in enumerate(pair, start=1):
        os.utime(artifact.folder, (time, time))
    return [artifact.identity for artifact in pair]


def test_ls_shows_each_stage_and_the_limit(cli: Callable, two: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_GB", "0.5")
    report = json.loads(cli("cache", "ls", "--json").out)
    assert report["limit_gb"] == 0.5
    (protect, every) = report["stages"]
    assert (protect["stage"], protect["artefacts"], protect["used"]) == ("protect", 2, "1970-01-01T00:00:02+00:00")
    assert every["mb"] == protect["mb"] == pytest.approx(0.2, rel=0.02)
    output = cli("cache", "ls")
    assert output.code == 0
    assert "limit: 0.5 GB" in output.out
    assert "protect" in output.out


def test_an_empty_home_is_no_error(cli: Callable, bench_home: Path) -> None:
    for command in (["ls"], ["verify"], ["gc"], ["gc", "--max-gb", "0", "--all"]):
        assert cli("cache", *command).code == 0
    assert json.loads(cli("cache", "verify", "--json").out) == {"checked": 0, "broken": {}}


def test_verify_fails_once_for_what_is_broken(cli: Callable, two: list[str], bench_home: Path) -> None:
    os.truncate(bench_home / "artifacts" / "protect" / two[0] / "x.bin", 7)
    output = cli("cache", "verify", "--json")
    broken = {f"protect/{two[0]}": "x.bin has 7 bytes, not 100000"}
    assert (output.code, json.loads(output.out)) == (1, {"checked": 2, "broken": broken})
    output = cli("cache", "verify")
    assert (output.code, output.out) == (0, "1 artefacts checked, 0 broken\n")


def test_gc_frees_down_to_the_limit(cli: Callable, two: list[str], bench_home: Path) -> None:
    dry = cli("cache", "gc", "--max-gb", "0.00015", "--dry-run")
    assert (dry.code, dry.out.splitlines()[-1]) == (0, "would be freed: 0.1 MB; left: 0.1 MB")
    assert len(list((bench_home / "artifacts" / "protect").iterdir())) == 2
    output = cli("cache", "gc", "--max-gb", "0.00015", "--json")
    assert list(json.loads(output.out)["removed"]) == [f"artifacts/protect/{two[0]}"]
    assert [p.name for p in (bench_home / "artifacts" / "protect").iterdir()] == [two[1]]
    assert json.loads(cli("cache", "gc", "--json").out)["removed"] == {}, "without a limit nothing whole goes"


def test_gc_says_when_recorded_runs_need_more_than_the_limit(cli: Callable, finished: Callable[..., Run]) -> None:
    for key in finished().stages.values():
        os.utime(Path(os.environ["BENCH_HOME"]) / "artifacts" / "evaluate" / key, (1, 1))
    output = cli("cache", "gc", "--max-gb", "0")
    assert output.code == 0
    assert "over the limit of 0 GB" in output.err
    assert "freed: 0.0 MB" in output.out
    assert json.loads(cli("cache", "gc", "--max-gb", "0", "--all", "--json").out)["bytes"] > 0
    assert len(load()) == 1, "rows stay"


def test_push_copies_what_the_store_lacks(
    cli: Callable, two: list[str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_ARTIFACTS", f"file://{tmp_path_factory.mktemp('shared')}")
    assert sorted(json.loads(cli("cache", "push", "--json").out)["pushed"]) == sorted(f"protect/{key}" for key in two)
    assert cli("cache", "push").out == "0 artefacts copied, 0 not\n"
    monkeypatch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("home")))
    assert {key for _, key in artifacts.list_finished()} == set(two)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["gc", "--max-gb", "lots"], {}, "max-gb: 'lots'; allowed: a number of gigabytes"),
        (["gc", "--max-gb", "-1"], {}, "max-gb: '-1'; allowed"),
        (["gc"], {"BENCH_CACHE_GB": "20GB"}, "BENCH_CACHE_GB: '20GB'; allowed"),
        (["ls"], {"BENCH_CACHE_GB": "nan"}, "BENCH_CACHE_GB: 'nan'; allowed"),
        (["push"], {}, "BENCH_ARTIFACTS is not set; allowed: a URL such as"),
        (["push"], {"BENCH_ARTIFACTS": "bucket"}, "BENCH_ARTIFACTS: 'bucket' has no scheme; allowed"),
    ],
)
def test_bad_values_are_one_clear_line(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str], message: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    output = cli("cache", *arguments)
    assert (output.code, output.out) == (2, "")
    assert output.err.startswith(f"error: {message}")
    assert output.err.count("\n") == 1


def test_a_full_disk_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, bench_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever command it was, and whatever library reported it."""

    def full(**_: object) -> None:
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("bench.store.housekeeping.summarise_usage", full)
    monkeypatch.setattr(sys, "argv", ["bench", "cache", "ls"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: disk: no space left for {bench_home}")


@pytest.fixture
def suites(finished: Callable[..., Run], tmp_path: Path) -> tuple[Path, Plan, Plan]:
    """The file of a suite of two defenses, its plan, and the plan of a recorded run that shares stages with it."""
    head = {"version": 1, "title": "A suite", "datasets": ["emoji_smoke"], "attacks": ["none"]}
    plans = []
    for name, defenses in (("both", ["none", "random_noise"]), ("other", ["none"])):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({**head, "defenses": defenses, "seeds": [0, 1]}))
        plans.append(make_plan(read_suite(str(tmp_path / f"{name}.yaml")).runs()[:: 1 if name == "both" else 2]))
    both, other = plans
    for stage in both.stages.values():
        artifacts.make(stage.kind, stage.payload, lambda folder: (folder / "x.txt").write_text("x") and None)
    failed = next(iter(both.stages))
    (tmp_path / "failures").mkdir()
    (tmp_path / "failures" / f"{failed}.txt").write_text("Traceback")
    (run,) = other.runs
    finished(id="of another suite", stages={role: stage.identity for role, stage in other.roles[run].items()})
    for run in both.runs:
        stages = {role: stage.identity for role, stage in both.roles[run].items()}
        finished(id=run, stages=stages)
    return tmp_path / "both.yaml", both, other


def test_a_suite_is_cleaned_of_what_it_alone_needs(
    cli: Callable, suites: tuple[Path, Plan, Plan], bench_home: Path
) -> None:
    file, both, other = suites
    before, rows = artifacts.list_finished(), len(load())
    own = {(stage.kind, name) for name, stage in both.stages.items() if name not in other.stages}
    assert own and own < before
    dry = json.loads(cli("suite", "clean", str(file), "--dry-run", "--json").out)
    assert sorted(dry["artefacts"]) == sorted(f"{kind}/{name}" for kind, name in own)
    assert artifacts.list_finished() == before
    assert (bench_home / "failures" / f"{next(iter(both.stages))}.txt").exists()
    output = cli("suite", "clean", str(file), "--yes")
    assert output.code == 0
    assert output.out.startswith(f"removed: {len(own)} artefacts, ")
    assert output.out.endswith(" and 1 traces of failures\n")
    assert artifacts.list_finished() == before - own
    assert not list((bench_home / "failures").iterdir())
    assert len(load()) == rows
    assert cli("suite", "clean", str(file)).out.startswith("removed: 0 artefacts"), "with nothing to ask for"


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_a_suite_is_not_cleaned_without_a_yes(
    cli: Callable, suites: tuple[Path, Plan, Plan], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    import io

    before = artifacts.list_finished()
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    output = cli("suite", "clean", str(suites[0]))
    assert output.code == 1
    assert "remove " in output.err
    assert artifacts.list_finished() == before
