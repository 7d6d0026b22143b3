"""Names are listed, runs that were played are shown, and the leaderboard is opened on them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import bench.cli.listing
from attacks import REGISTRY as ATTACKS
from attacks.grammar import load_recipes
from attacks.parts import PARTS
from bench.datasets import cards
from bench.results import Run
from bench.scoring.matching import EVALUATOR
from bench.spec import PROTOCOL
from bench.victims import ASSEMBLED, EMBEDDED, HUB
from defenses import REGISTRY as DEFENSES


def test_everything_that_can_be_named_is_listed(cli: Callable) -> None:
    output = cli("list", "--json")
    names = json.loads(output.out)
    assert (output.code, {kind: set(entries) for kind, entries in names.items()}) == (0, {
        "defenses": DEFENSES.catalog.keys() - DEFENSES.controls, "attacks": ATTACKS.catalog.keys() - ATTACKS.controls,
        "parts of attacks": set(PARTS.catalog), "recipes": set(load_recipes()),
        "control defenses": DEFENSES.controls, "control attacks": ATTACKS.controls,
        "datasets": {*cards.EMBEDDED, *cards.HUB}, "victims": {*EMBEDDED, *ASSEMBLED, *HUB},
    })  # fmt: skip
    assert names["control attacks"]["none"] == "No training: the zero-shot reference."
    assert {"none", "random_noise", "wrong_answers"} <= names["control defenses"].keys()
    assert all(summary for entries in names.values() for summary in entries.values())


def test_the_list_for_people_has_a_line_a_name(cli: Callable, bench_home: Path) -> None:
    names, lines = json.loads(cli("list", "--json").out), cli("list").out.splitlines()
    for kind, entries in names.items():
        start = lines.index(kind) + 1
        assert [line.split(maxsplit=1) for line in lines[start : start + len(entries)]] == [
            [name, summary] for name, summary in entries.items()
        ]
    assert not list(bench_home.iterdir()), "something was written"


def test_runs_are_shown_oldest_first_with_their_numbers(cli: Callable, finished: Callable[..., Run]) -> None:
    late, early = finished(5, protected=8), finished(2, defense="none", protection=None)
    first, second = cli("show").out.splitlines()
    assert first.split() == f"{early.id} none lora_sft tiny-llava-a white seed 2 U 40.0% protection".split()
    assert second.split() == f"{late.id} mmguard lora_sft tiny-llava-a white seed 5 U 20.0% protection +0.50".split()


def test_one_run_is_shown_whole_by_the_beginning_of_its_name(cli: Callable, finished: Callable[..., Run]) -> None:
    one = finished(1, id="ab" * 8)
    finished(2, id="ac" * 8)
    shown = json.loads(cli("show", "ab").out)
    assert set(shown) == {column.name for column in Run.__table__.columns}
    assert shown == {name: getattr(one, name) for name in shown if name != "created"} | {"created": shown["created"]}
    assert shown["created"].startswith("2026-05-01 01:00:00")


@pytest.mark.parametrize(("name", "fits"), [("a", 2), ("ad", 0), ("AB", 0)])
def test_a_name_that_fits_no_run_or_several_is_refused(
    cli: Callable, finished: Callable[..., Run], name: str, fits: int
) -> None:
    finished(1, id="ab" * 8)
    finished(2, id="ac" * 8)
    output = cli("show", name)
    assert (output.code, output.out) == (2, "")
    assert output.err == f"error: run: {name!r} fits {fits} runs; allowed: one of `bench show`\n"


def test_no_runs_are_no_lines(cli: Callable) -> None:
    assert cli("show") == (0, "", "")


def test_runs_in_quarantine_are_counted_with_the_reason_and_kept(cli: Callable, finished: Callable[..., Run]) -> None:
    current = finished(0)
    for seed in (1, 2):
        finished(seed, protocol=PROTOCOL - 1)
    old = finished(3, evaluator=EVALUATOR - 1)
    output = cli("show")
    assert [line.split()[0] for line in output.out.splitlines()] == [current.id]
    assert output.err == (
        f"in quarantine, never compared: 2 of protocol {PROTOCOL - 1}, current is {PROTOCOL}; "
        f"1 of evaluator {EVALUATOR - 1}, current is {EVALUATOR}\n"
    )
    assert json.loads(cli("show", old.id).out)["evaluator"] == EVALUATOR - 1


def test_the_leaderboard_does_not_show_the_password_of_its_database(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_RESULTS", "postgresql://me:secret@host/db")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0))
    assert cli("leaderboard").out == "results: postgresql://me:***@host/db\n"


def test_the_leaderboard_is_opened_on_these_results(
    cli: Callable, bench_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    shown: list[str] = []

    def run(command: list[str], check: bool, env: dict[str, str]) -> SimpleNamespace:
        shown.append(env["BENCH_LEADERBOARD_OWN"])
        commands.append(command)
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(subprocess, "run", run)
    output = cli("leaderboard", "--port", "9000")
    assert output[:2] == (3, f"results: sqlite:///{bench_home / 'results.sqlite'}\n")
    ((python, *command),) = commands
    assert python == sys.executable
    assert Path(command[3]) == Path(bench.cli.listing.__file__).parents[2] / "leaderboard" / "server.py"
    assert command[command.index("--server.port") + 1] == "9000"
    assert command[command.index("--server.address") + 1] == "127.0.0.1", "nobody else on the network sees it"
    assert command[command.index("--browser.gatherUsageStats") + 1] == "false"
    assert output.err == ""
    opened = cli("leaderboard", "--host", "0.0.0.0")
    assert opened.err == (
        "warning: whoever reaches '0.0.0.0' sees all runs of this machine with their pictures and answers, "
        "but none on your own data\n"
    )
    assert "and those on your own data: pets\n" in cli("leaderboard", "--host", "::", "--own", "pets").err
    assert shown == ["", "", "pets"]
    assert commands[1][commands[1].index("--server.address") + 1] == "0.0.0.0"
    assert cli("leaderboard", "--port", "99999").code == 2 and len(commands) == 3
