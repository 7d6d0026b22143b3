"""The embedded victims are listed by their cards; a victim that is not embedded is neither made nor examined."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.lvlm.embedded.recipes import RECIPES
from bench.victims import ASSEMBLED, EMBEDDED


def test_each_victim_is_listed_with_what_its_card_says(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.victims.files.ROOT", tmp_path)
    families = EMBEDDED | {name: victim.architecture for name, victim in ASSEMBLED.items()}
    for number, name in enumerate(families):
        (tmp_path / name).mkdir()
        card = {"parameters": 1_234_000 + number * 10_000, "accuracy": {"seen": 0.9549, "unseen": 0.5 + number / 10}}
        (tmp_path / name / "card.json").write_text(json.dumps(card))
    output = cli("victims", "list")
    assert output.code == 0
    assert [line.split() for line in output.out.splitlines()] == [
        f"{name} {family} {1.23 + number / 100:.2f} M parameters seen 95%, unseen {50 + number * 10}%".split()
        for number, (name, family) in enumerate(families.items())
    ]


@pytest.mark.parametrize("command", ["pretrain", "exam", "fetch"])
@pytest.mark.parametrize("name", ["tiny-llava-c", "org/name", "..", ""])
def test_another_victim_is_refused(
    cli: Callable, bench_home: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    monkeypatch.setattr("bench.victims.files.ROOT", bench_home)
    output = cli("victims", command, name)
    assert (output.code, output.out) == (2, "")
    assert output.err.startswith(f"error: victim: {name!r} is not known")
    allowed = {"pretrain": [*RECIPES, *ASSEMBLED], "exam": EMBEDDED, "fetch": ASSEMBLED}[command]
    assert output.err.endswith(f"; allowed: {', '.join(allowed)}\n")
    assert not list(bench_home.iterdir()), "something was written"
