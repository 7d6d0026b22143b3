"""`bench run` plays a cell once a seed and prints one table or one JSON; `bench submit` plays every cell of a file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bench.results import Run
from bench.spec import RunSpec

ENTRY = {"version": 1, "title": "An entry", "authors": ["someone"], "defense": {"name": "none"}}


@pytest.fixture
def played(finished: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """Record the runs instead of playing them; each seed answers two questions more than the one before."""
    calls: list[RunSpec] = []

    def play(spec: RunSpec, *_: object) -> Run:
        calls.append(spec)
        return finished(spec.seed, protected=16 + 2 * spec.seed, defense=spec.defense.name, victim=spec.victim)

    monkeypatch.setattr("bench.play.run.play_run", play)
    return calls


@pytest.fixture
def entry(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Writes a submission with changed fields and gives its path."""

    def written(**changes: object) -> str:
        file = tmp_path_factory.mktemp("entry") / "entry.yaml"
        file.write_text(yaml.safe_dump(ENTRY | changes))
        return str(file)

    return written


def test_json_of_several_seeds_is_their_rows_and_one_summary(cli: Callable, played: list[RunSpec]) -> None:
    output = cli("run", "--defense", "none", "--attack", "none", "--seeds", "4,0", "--json")
    report = json.loads(output.out)
    assert (output.code, output.err, set(report)) == (0, "", {"runs", "summaries", "flags"})
    assert [(run["seed"], run["utility"]) for run in report["runs"]] == [(4, 0.6), (0, 0.4)]
    assert [spec.seed for spec in played] == report["summaries"][0]["seeds"] == [4, 0]
    assert report["summaries"][0]["protected"] == pytest.approx(0.5)
    assert report["summaries"][0]["protection"][0] == pytest.approx(1 - 0.4 / 0.7)


def test_people_get_one_heading_a_seed_and_one_table(cli: Callable, played: list[RunSpec]) -> None:
    output = cli("run", "--defense", "none", "--attack", "none", "--seeds", "0,2")
    assert output.code == 0
    for number, seed in ((1, 0), (2, 2)):
        assert f"none × none, seed {seed} ({number}/2)" in output.out
    assert output.out.count("protection, 95 % interval") == 1
    assert "45.0%" in output.out


def test_flags_of_what_was_played_stand_under_its_table(
    cli: Callable, finished: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A victim that learns nothing from clean data is flagged for people and in JSON."""

    def play(spec: RunSpec, *_: object) -> Run:
        return finished(spec.seed, defense=spec.defense.name, clean=4, protected=4, eligible=False)

    monkeypatch.setattr("bench.play.run.play_run", play)
    output = cli("run", "--defense", "em", "--attack", "lora_sft")
    assert output.code == 0 and output.out.count("⚑ under-trained: lora_sft gains 0.0 points from clean data") == 1
    (flag,) = json.loads(cli("run", "--defense", "em", "--attack", "lora_sft", "--json").out)["flags"]
    assert flag["kind"] == "under-trained" and flag["text"] in output.out


def test_options_of_both_sides_are_told_apart(cli: Callable, played: list[RunSpec]) -> None:
    options = ["-o", "rounds=4", "-o", "inner_lr=1e-3", "-a", "targets=all", "-a", "early_stopping=true"]
    output = cli("run", "--defense", "em", "--attack", "lora_sft", "--epsilon", "4/255", "--words", "0", *options)
    (spec,) = played
    assert output.code == 0
    assert spec.defense.options == {"rounds": 4, "inner_lr": 0.001}
    assert spec.attack.options == {"targets": "all", "early_stopping": True}
    assert (spec.budget.epsilon, spec.budget.words, spec.seed) == (4, 0, 0)


@pytest.mark.parametrize("bad", [["--seed", "-1"], ["--words", "65"], ["--words", "two"], ["--budget", "8"]])
def test_arguments_out_of_range_play_nothing(
    cli: Callable, played: list[RunSpec], bench_home: Path, bad: list[str]
) -> None:
    output = cli("run", "--defense", "none", "--attack", "none", *bad)
    assert (output.code, output.out, played) == (2, "", [])
    assert bad[0] in output.err
    assert not list(bench_home.iterdir()), "something was written"


def test_one_bad_seed_stops_all_before_the_first_is_played(cli: Callable, played: list[RunSpec]) -> None:
    output = cli("run", "--defense", "none", "--attack", "none", "--seeds", f"0,{2**31}")
    assert (output.code, played) == (2, [])
    assert "2147483648" in output.err
    assert output.err.count("\n") == 1


def test_a_submission_is_counted_and_not_played(
    cli: Callable, played: list[RunSpec], entry: Callable[..., str], bench_home: Path
) -> None:
    output = cli("submit", "validate", entry(victims=["tiny-llava-a", "tiny-llava-b"], seeds=[0, 1, 2]))
    assert (output.code, output.out) == (0, "valid: An entry, 6 runs an attack\n")
    assert played == []
    assert not list(bench_home.iterdir()), "something was written"


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"defense": {"name": "nothing"}}, "defense: 'nothing' is not known"),
        ({"defense": {"name": "em", "options": {"rounds": 0}}}, "defense em, option rounds=0"),
        ({"datasets": ["emoji_smoke", "emojis"]}, "datasets: 'emojis' is not known"),
        ({"victims": ["tiny-llava-a", "zebra"]}, "victims: 'zebra' is not known"),
        ({"victims": ["tiny-qwen3vl"], "threats": ["white", "gray"]}, "threat: 'gray' needs a second checkpoint"),
        ({"title": "ab"}, "title: 'ab'"),
    ],
)
def test_a_wrong_submission_plays_nothing(
    cli: Callable,
    played: list[RunSpec],
    entry: Callable[..., str],
    command: str,
    changes: dict[str, object],
    message: str,
) -> None:
    output = cli("submit", command, entry(**changes))
    assert (output.code, output.out, played) == (2, "", [])
    assert output.err.startswith(f"error: {message}")
    assert output.err.count("\n") == 1


def test_a_submission_is_one_table_a_cell(cli: Callable, played: list[RunSpec], entry: Callable[..., str]) -> None:
    output = cli("submit", "run", entry(victims=["tiny-llava-a", "tiny-qwen3vl"], seeds=[0, 2]), "--attack", "none")
    assert output.code == 0
    assert [(spec.victim, spec.seed, spec.attack.name) for spec in played] == [
        (victim, seed, "none") for victim in ("tiny-llava-a", "tiny-qwen3vl") for seed in (0, 2)
    ]
    assert output.out.count("protection, 95 % interval") == 2
    assert output.out.index("tiny-llava-a") < output.out.index("tiny-qwen3vl")


RUN = ["run", "--defense", "none", "--attack", "none"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*RUN, "--epsilon", "[/]"], "epsilon: '[/]'; allowed"),
        ([*RUN, "--epsilon", "[red]"], "epsilon: '[red]'; allowed"),
        ([*RUN, "--epsilon", "²"], "epsilon: '²'; allowed"),
        ([*RUN, "-o", "rounds=[many]"], "option: 'rounds=[many]'; allowed"),
        ([*RUN, "--victim", ""], "victim: '' is not known"),
        ([*RUN, "--victim", "README.md"], "victim: 'README.md' is not known"),
        ([*RUN, "--victim", "bench"], "victim: 'bench' is not known"),
        ([*RUN, "--victim", "org/name", "--threat", "black"], "victim: the family of 'org/name' is not known"),
        (
            ["run", "--defense", "MMGuard", "--attack", "none"],
            "defense: 'MMGuard' is not known; did you mean 'mmguard'",
        ),
    ],
)
def test_whatever_is_typed_the_error_is_one_line_that_shows_it(
    cli: Callable, played: list[RunSpec], bench_home: Path, arguments: list[str], message: str
) -> None:
    output = cli(*arguments)
    assert (output.code, output.out, played) == (2, "", [])
    assert output.err.startswith(f"error: {message}")
    assert output.err.count("\n") == 1
    assert not list(bench_home.iterdir()), "something was written"


@pytest.mark.parametrize(("attack", "why"), [("Lora", "; allowed: tuner("), ("lorasft", " is not known")])
def test_a_submission_is_not_played_against_an_unknown_attack(
    cli: Callable, played: list[RunSpec], entry: Callable[..., str], attack: str, why: str
) -> None:
    output = cli("submit", "run", entry(), "--attack", attack)
    assert (output.code, played) == (2, [])
    assert output.err.startswith(f"error: attack: {attack!r}{why}")


@pytest.mark.parametrize("seeds", [[-1], [0, 0], []])
def test_seeds_of_a_submission_are_different_numbers(
    cli: Callable, entry: Callable[..., str], seeds: list[int]
) -> None:
    output = cli("submit", "validate", entry(seeds=seeds))
    assert output.code == 2
    assert output.err.startswith("error: seeds")


def test_json_of_several_cells_is_one_document(cli: Callable, played: list[RunSpec], entry: Callable[..., str]) -> None:
    output = cli("submit", "run", entry(victims=["tiny-llava-a", "tiny-qwen3vl"], seeds=[0, 2]), "--json")
    report = json.loads(output.out)
    assert len(report["runs"]) == 4
    assert [cell["seeds"] for cell in report["summaries"]] == [[0, 2], [0, 2]]


def test_ctrl_c_says_that_nothing_is_lost(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.play.run.play_run", interrupted)
    output = cli(*RUN)
    assert output.code == 130
    assert "the same command goes on from here" in output.err


def test_side_effects_are_measured_on_checked_tasks(
    cli: Callable, finished: Callable[..., Run], foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def play(spec: RunSpec, tasks: object, *_: object) -> Run:
        calls.append(tasks)
        return finished(spec.seed)

    monkeypatch.setattr("bench.play.side_effects.play_with_side_effects", play)
    run = ("run", "--defense", "none", "--attack", "none", "--seeds", "0,1", "--json", "--side-effects")
    assert cli(*run, "emoji_smoke, toy_val,emoji_smoke").code == 0
    assert calls == [("emoji_smoke", "toy_val")] * 2
    output = cli(*run, "emoji_smoke,toy_words")
    assert output.code == 2 and "side-effects: 'toy_words' is not known" in output.err
    assert len(calls) == 2
