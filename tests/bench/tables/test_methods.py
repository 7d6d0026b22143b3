"""Cards and options of methods, for every one that is registered."""

import subprocess
import sys
from pathlib import Path

import pytest

from attacks import REGISTRY as ATTACKS
from attacks.parts import PARTS, AttackCard
from bench.errors import UserError
from bench.spec import Method
from bench.tables.methods import load_options, read_card, read_knowledge
from defenses import REGISTRY as DEFENSES
from defenses.base import Card


@pytest.mark.parametrize("name", sorted(DEFENSES.catalog))
def test_every_defense_has_its_card_and_options(name: str) -> None:
    assert tuple(read_card(name)) == Card._fields
    assert load_options(name).keys() == DEFENSES.get(name).Options.model_fields.keys()


@pytest.mark.parametrize("name", sorted(PARTS.catalog))
def test_every_part_of_an_attack_has_its_card(name: str) -> None:
    assert tuple(read_card(name)) == AttackCard._fields
    assert load_options(name).keys() == PARTS.get(name).Options.model_fields.keys()


@pytest.mark.parametrize("name", ["nobody", "", "../x"])
def test_what_is_not_here_has_no_facts(name: str) -> None:
    assert (read_card(name), load_options(name)) == ({}, {})


def test_options_are_the_defaults() -> None:
    assert load_options("lora_sft")["rank"] == ATTACKS.get("lora_sft").Options().model_dump()["rank"]


ATTACK_NAMES = [*ATTACKS.catalog, *(f"lora_sft+{part}" for part in PARTS.catalog), "full_sft+gray+bridge"]


@pytest.mark.parametrize("name", ATTACK_NAMES)
def test_the_knowledge_on_the_card_is_the_one_that_a_plan_sees(name: str) -> None:
    assert read_knowledge(Method(name=name)) == ATTACKS.describe(Method(name=name)).traits.knowledge


@pytest.mark.parametrize("name", ["nobody", "lora_sft+nobody", "lora_sft+gray+gray"])
def test_what_is_no_attack_knows_nothing(name: str) -> None:
    with pytest.raises(UserError):
        read_knowledge(Method(name=name))


def test_the_published_ranking_is_computed_without_torch(bench_home: Path) -> None:
    code = (
        "import sys; from bench.tables.game import split_games; from bench.tables.knowledge import score_game\n"
        "from bench.tables.runs import load_published_runs; from bench.tables.standings import load_standing\n"
        "runs = load_published_runs(); game = next(split_games(runs))[1]; board = load_standing(game, runs).board\n"
        "assert len(board) and score_game(game, board); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
