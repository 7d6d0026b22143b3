"""`--attack best`: the whole required set on one release, the choice on validation, and one ladder of costs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.required import expand_set, load_required
from bench.results import Run
from bench.spec import RunSpec

SECONDS = {"lora_sft": 10.0, "tuned+drop_inserted": 35.0}


@pytest.fixture
def played(finished: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """Record the runs instead of playing them: tuned is best on validation, crop_color on test."""
    specs: list[RunSpec] = []

    def play(spec: RunSpec, *_: object) -> Run:
        specs.append(spec)
        name = spec.attack.name
        row = finished(
            spec.seed,
            protected=30 if "crop" in name else 24 if name.startswith("tuned") else 16,
            attack=name,
            defense=spec.defense.name,
            defense_options=spec.defense.options,
            **{field: getattr(spec, field) for field in ("dataset", "victim", "threat")},
            attack_options=spec.attack.options,
            validation=0.7 if name.startswith("tuned") else 0.3,
        )
        row.cost = {**row.cost, "attack": {**row.cost["attack"], "seconds": SECONDS.get(name, 20.0)}}
        return row

    monkeypatch.setattr("bench.play.run.play_run", play)
    return specs


def test_the_whole_set_is_played_and_the_best_on_validation_is_taken(cli: Callable, played: list[RunSpec]) -> None:
    output = cli("run", "--defense", "none", "--attack", "best", "--dataset", "emoji_smoke", "--seeds", "0,1", "--json")
    assert output.code == 0, output.err
    report, wanted = json.loads(output.out), [REGISTRY.normalise(parse_attack(text)) for text in expand_set("best")]
    assert [spec.attack for spec in played] == [method for method in wanted for _ in range(2)]
    assert len(report["runs"]) == 2 * len(wanted)
    (ladder,) = report["best"]
    steps = ladder.pop("steps")
    game = {
        "dataset": "emoji_smoke",
        "victim": "tiny-llava-a",
        "threat": "white",
        "surrogates": "",
        "epsilon": 8,
        "words": 5,
    }
    assert ladder == {"defense": "none", **game}
    plain, *_, last = expand_set("best")
    assert [step["tried"]["attack"] for step in (steps[0], steps[-1])] == [plain, last]
    assert (steps[0]["cost"], steps[-1]["cost"]) == (1.0, 3.5)
    assert steps[-1]["total"] == pytest.approx(1 + 2 * (len(wanted) - 2) + 3.5)
    assert {step["best"]["attack"] for step in steps[:-1]} == {"lora_sft"}, "a better test score is not seen"
    assert steps[-1]["best"]["attack"] == last
    assert steps[-1]["best"]["gain"] == pytest.approx(24 / 40 - 0.1)


def test_people_get_one_ladder_that_names_the_choice(cli: Callable, played: list[RunSpec]) -> None:
    output = cli("run", "--defense", "none", "--attack", "best", "--dataset", "emoji_smoke")
    assert output.code == 0, output.err
    assert (
        f"Best of {len(expand_set('best'))} attacks, chosen on validation: tuned(trials=4)+drop_inserted" in output.out
    )
    assert "this attack on the release" not in output.out, "no table for each attack"
    assert "Protection against all of them: +" in output.out


def test_one_option_cannot_fit_many_attacks(cli: Callable, played: list[RunSpec]) -> None:
    output = cli("run", "--defense", "none", "--attack", "best", "-a", "epochs=2")
    assert (output.code, played) == (2, [])
    assert "epochs=2" in output.err
    assert "none with --attack best" in output.err


def test_a_submission_meets_the_whole_set(cli: Callable, played: list[RunSpec], tmp_path: Path) -> None:
    file = tmp_path / "entry.yaml"
    entry = {"version": 1, "title": "An entry", "authors": ["someone"], "defense": {"name": "none"}, "seeds": [0, 1]}
    file.write_text(yaml.safe_dump({**entry, "datasets": ["emoji_smoke"], "threats": ["white", "black"]}))
    output = cli("submit", "run", str(file), "--attack", "best", "--json")
    assert output.code == 0, output.err
    assert len(played) == 4 * len(expand_set("best"))
    assert [spec.seed for spec in played[:4]] == [0, 1, 0, 1]
    best = json.loads(output.out)["best"]
    whole = len(expand_set("best"))
    assert [(game["threat"], len(game["steps"])) for game in best] == [("white", whole), ("black", whole)]
    output = cli("submit", "run", str(file), "--attack", "best")
    assert output.out.count(f"Best of {whole} attacks, chosen on validation: tuned(trials=4)+drop_inserted") == 2
    assert "white box" in output.out and "black box" in output.out
    assert "this attack on the release" not in output.out, "one ladder a game, no table for each attack"


def test_the_set_is_of_attacks_that_can_be_built() -> None:
    texts = expand_set("best")
    assert list(texts) == [member.attack for member in load_required().members["adaptive"]]
    assert len({parse_attack(text).model_dump_json() for text in texts}) == len(texts)
    for text in texts:
        assert REGISTRY.build(parse_attack(text)).trains
    assert expand_set("lora_sft+jpeg") == ("lora_sft+jpeg",)
