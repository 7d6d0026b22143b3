"""`bench submit run --small` plays one run of a minute: a first look, and no row of the entry."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.game.submissions.played import BUDGET, VICTIM
from bench.game.submissions.scaffold import scaffold
from bench.game.submissions.schema import KINDS
from bench.spec import RunSpec

Bench = Callable[..., tuple[object, str, str]]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """The runs that would have been played."""
    specs: list[RunSpec] = []
    monkeypatch.setattr("bench.cli.run.play", lambda cells, **_: specs.extend(spec for cell in cells for spec in cell))
    return specs


@pytest.mark.parametrize("kind", KINDS)
def test_one_run_with_one_pass_over_few_pictures(
    run_bench: Bench, tmp_path: Path, played: list[RunSpec], kind: str
) -> None:
    folder = scaffold(kind, "mine", tmp_path / "new", "emoji_smoke")
    code, out, error = run_bench("submit", "run", str(folder), "--small", "--json")
    assert (code, error) == (0, "") and "provenance" not in out
    (spec,) = played
    assert (spec.dataset, spec.victim, spec.seed, spec.budget) == ("emoji_smoke", VICTIM, 0, BUDGET)
    assert spec.attack.options["epochs"] == 1


def test_a_search_has_no_passes_to_cut(run_bench: Bench, tmp_path: Path, played: list[RunSpec]) -> None:
    file = scaffold("attack", "mine", tmp_path / "new", "tags") / "submission.yaml"
    file.write_text(file.read_text().replace("lora_sft+jpeg(quality=30)", "tuned(trials=2)"))
    assert run_bench("submit", "run", str(file), "--small", "--json")[0] == 0
    assert played[0].attack.options == {"trials": 2}


def test_a_release_is_played_on_its_own_data(run_bench: Bench, tmp_path: Path, played: list[RunSpec]) -> None:
    folder = scaffold("release", "mine", tmp_path / "new", "tags")
    assert run_bench("submit", "run", str(folder), "--small", "--json")[0] == 0
    assert played[0].dataset == "tags"
