"""Flags of the runs at hand: their cells are those of the tables, and controls are lent between threat models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.results import Run, save
from bench.scoring.flag import Flag
from bench.tables import flags
from bench.tables.game import GAME_COLUMNS
from bench.tables.runs import load_runs
from defenses import REGISTRY

Factory = Callable[..., Run]


@pytest.fixture
def played(bench_home: Path, run_factory: Factory) -> Callable[..., None]:
    """Saves a run of a protection with an interval of 5 points to both sides."""
    count = iter(range(1000))

    def play(defense: str, protection: float, **changes: Any) -> None:
        ends = {"protection": protection, "protection_low": protection - 0.05, "protection_high": protection + 0.05}
        save(run_factory(next(count), defense=defense, **{**ends, **changes}))

    return play


def current_flags(threat: str = "white") -> list[Flag]:
    frame = load_runs()
    return flags.flag_game(frame[frame["threat"] == threat], frame)


def flagged_cells(threat: str = "white") -> list[tuple[str, str, str]]:
    return [flag[:3] for flag in current_flags(threat)]


def test_the_synthetic_home(home: Path) -> None:
    """random_noise stays near 0 and mmguard far from it; jpeg costs 10 % on clean data, and no more."""
    assert flagged_cells() == [("under-trained", "", "lora_sft"), ("control as good", "em", "jpeg")]


@pytest.mark.parametrize("control", sorted(flags.BLIND))
def test_a_control_that_knows_no_surrogate_is_lent_to_the_black_box(played: Callable[..., None], control: str) -> None:
    played("em", 0.1, threat="black")
    played(control, 0.05)
    assert flagged_cells("black") == [("control as good", "em", "lora_sft")]


def test_lent_are_the_controls_of_the_same_data_victim_and_budget_alone(played: Callable[..., None]) -> None:
    played("em", 0.1, threat="black")
    played("random_trigger", 0.05)
    for other in ({"dataset": "scenes"}, {"victim": "tiny-qwen3vl"}, {"epsilon": 16}, {"words": 0}, {"seed": 1}):
        played("random_noise", 0.05, **other)
    assert flagged_cells("black") == []


def test_a_game_that_played_the_control_itself_borrows_none(played: Callable[..., None]) -> None:
    played("em", 0.1, threat="black")
    played("random_noise", -0.2, threat="black")
    played("random_noise", 0.05)
    assert flagged_cells("black") == []


def test_controls_are_lent_once_where_several_threat_models_played_them(played: Callable[..., None]) -> None:
    played("em", 0.1, threat="black")
    played("random_noise", 0.05)
    played("random_noise", 0.05, threat="gray")
    assert flagged_cells("black") == [("control as good", "em", "lora_sft")]


def test_lent_controls_are_those_whose_release_is_the_same_whatever_the_surrogates() -> None:
    blind = {name for name in REGISTRY.controls if "surrogates" not in REGISTRY.get(name).depends}
    assert set(flags.BLIND) == blind - {"wrong_answers"}


def test_options_that_differ_are_two_entries(played: Callable[..., None]) -> None:
    played("em", 0.1, defense_options={"steps": 5})
    played("em", 0.9, defense_options={"steps": 50})
    played("random_noise", 0.0)
    assert flagged_cells() == [("control as good", "em (steps=5)", "lora_sft")]


def test_seeds_of_a_cell_are_brought_together_as_in_the_tables(played: Callable[..., None]) -> None:
    for seed, protection in enumerate((0.2, 0.6)):
        played("em", protection, seed=seed, stages={})
    (flag,) = current_flags()
    assert flag.kind == "seeds apart"
    assert "from +0.20 (seed 0) to +0.60 (seed 1)" in flag.text
    played("random_noise", 0.15, stages={})
    (cell,) = (s for s in current_flags() if s.kind == "control as good")
    assert cell.text.startswith("em protects +0.40 [+0.15, +0.65] under lora_sft")


def test_flags_of_some_runs_are_those_of_their_cells_in_their_games(played: Callable[..., None]) -> None:
    played("em", 0.1)
    played("hypo", 0.1)
    played("em", 0.1, threat="black")
    played("random_noise", 0.05)
    frame = load_runs()
    first, other, black, control = frame["id"]

    def of(*ids: str) -> list[tuple[str, str, str]]:
        return [flag[:3] for flag in flags.flag_runs(frame, ids)]

    assert of(first) == of(first, control) == [("control as good", "em", "lora_sft")]
    assert of(first, other) == [("control as good", name, "lora_sft") for name in ("em", "hypo")]
    assert of(black) == of(first), "the control is lent to the black box"
    assert of(control) == of() == []


def test_a_run_has_the_flags_of_its_cell_in_the_whole_game(home: Path) -> None:
    """But for those of an attack as a whole, which tell of weak cells elsewhere."""
    frame = load_runs()
    by_run = {row["id"]: flags.flag_runs(frame, [row["id"]]) for _, row in frame.iterrows()}
    assert len({len(run_flags) for run_flags in by_run.values()}) > 1
    for _, row in frame.iterrows():
        game = frame[(frame[GAME_COLUMNS] == row[GAME_COLUMNS]).all(axis=1)]
        cell = flags.select_flags(flags.flag_game(game, frame), row["defense_label"], row["attack_label"])
        assert [s[:3] for s in by_run[row["id"]] if s.defense] == [s[:3] for s in cell if s.defense]


@pytest.mark.parametrize("stealth", [{}, {"linf": "?"}, {"linf": None, "words": []}])
def test_a_release_that_nobody_measured_touches_nothing(
    played: Callable[..., None], stealth: dict[str, object]
) -> None:
    played("mmguard", 0.1, stealth=stealth)
    played("text_trigger", 0.1)
    assert flagged_cells() == []


def test_stale_rows_are_no_comparison(played: Callable[..., None]) -> None:
    played("em", 0.1)
    played("random_noise", 0.05, protocol=0)
    played("random_noise", 0.05, attack="none", seed=1)
    assert flagged_cells() == []


def test_games_are_told_one_by_one(played: Callable[..., None]) -> None:
    for epsilon in (8, 4):
        played("em", 0.1, epsilon=epsilon)
    played("random_noise", 0.05, epsilon=4)
    by_run = list(flags.flag_games(load_runs()))
    assert [(game.epsilon, len(smells)) for game, smells in by_run] == [(8, 0), (4, 1)]


def test_an_empty_store_has_no_games(bench_home: Path) -> None:
    assert list(flags.flag_games(load_runs())) == []
    assert flags.flag_game(load_runs(), load_runs()) == []


SOME = [
    Flag("a", "em", "jpeg", "1"),
    Flag("a", "em", "iss", "2"),
    Flag("b", "", "iss", "3"),
    Flag("c", "", "", "4"),
    Flag("d", "tap", "iss", "5"),
]


def test_beside_a_cell_stands_what_concerns_it() -> None:
    assert [s.text for s in flags.select_flags(SOME, "em", "iss")] == ["2", "3", "4"]
    assert [s.text for s in flags.select_flags(SOME, "hypo", "jpeg")] == ["4"]


def test_beside_an_entry_stands_what_concerns_its_worst_case_and_how_much_else_there_is() -> None:
    mark = flags.MARK
    assert flags.summarize_defense(SOME, "em", "jpeg") == f"{mark} a, {mark} c, 1 under other attacks"
    assert flags.summarize_defense(SOME, "em", "iss") == f"{mark} a, {mark} b, {mark} c, 1 under other attacks"
    assert flags.summarize_defense(SOME, "tap", "iss") == f"{mark} b, {mark} c, {mark} d"
    assert flags.summarize_defense(SOME[:2], "em", "lora_sft") == "2 under other attacks"
    assert flags.summarize_defense(SOME[:2], "hypo", "jpeg") == ""


def test_a_marker_counts_kinds() -> None:
    assert flags.count_kinds([]) == ""
    assert flags.count_kinds(SOME[:3]) == f"{flags.MARK} a × 2, {flags.MARK} b"


def test_flags_never_change_or_drop_a_row(home: Path) -> None:
    frame = load_runs()
    before = frame.copy(deep=True)
    assert list(flags.flag_games(frame))
    pd.testing.assert_frame_equal(frame, before)


def test_the_table_has_a_row_a_flag() -> None:
    table = flags.tabulate_flags(SOME)
    assert table["What"].tolist() == ["1", "2", "3", "4", "5"]
    assert table["Where"].tolist()[2:4] == ["every defense × iss", "every defense × every attack"]
    assert flags.tabulate_flags([]).columns.tolist() == ["Flag", "Where", "What"]


def test_what_ran_without_a_sandbox_is_flagged(played: Callable[..., None]) -> None:
    played("em", 0.1, provenance={"sandbox": "none"})
    played("tap", 0.1, attack="lora_sft+theirs", provenance={"attack_sandbox": "none"})
    played("hypo", 0.1, attack="lora_sft+jpeg", provenance={"sandbox": "bubblewrap", "attack_sandbox": "podman"})
    flagged = [cell for cell in flagged_cells() if cell[0] == "no sandbox"]
    assert flagged == [("no sandbox", "em", ""), ("no sandbox", "", "lora_sft+theirs")]
