"""A mock of an attack says what is wrong with it, in lines. Code of others trains in two sandboxes."""

from pathlib import Path

import pytest

from attacks.parts import PARTS
from bench.game.submissions.read import read_submission
from bench.game.submissions.schema import Attack
from bench.play.mock import mock as check_submission
from bench.play.mock_attack import check_attack
from bench.spec import Method
from tests.bench.play.test_mock import Bench, configured, mock
from tests.corpus.conftest import run_bench

__all__ = ["run_bench"]

PART = """
import os
import numpy as np
from attacks.parts import AttackCard, Purify

class Mine(Purify):
    card = AttackCard("K1", 1.0, "noise", "a stranger")

    def purify(self, pixels, rng):
        return {result}
"""


@pytest.mark.parametrize(
    ("attack", "fault"),
    [
        ("lora_sft+jpeg(quality=30)", ""),
        ("format_only", "WRONG  trains: format_only is a control"),
        ("none", "WRONG  trains: none is a control"),
        ("full_sft(lr=1)", "WRONG  loss: "),
    ],
)
def test_an_attack_is_tried_in_few_steps(run_bench: Bench, tmp_path: Path, attack: str, fault: str) -> None:
    folder = configured(tmp_path / "new", "attack", "lora_sft+jpeg(quality=30)  ", f"{attack}  ")
    file = folder / "submission.yaml"
    file.write_text(file.read_text().replace("name: em", "name: random_noise"))
    lines = mock(run_bench, folder, 2 if fault else 0)
    assert fault in "\n".join(lines)


@pytest.mark.parametrize(("attack", "text"), [("lora_sft+bridge", "K3, so it does not count"), ("full_sft", "K0")])
def test_the_knowledge_of_an_attack_is_said_first(bench_home: Path, attack: str, text: str) -> None:
    file = configured(bench_home / "new", "attack", "lora_sft+jpeg(quality=30)  ", f"{attack}  ") / "submission.yaml"
    entry = read_submission(file)
    assert isinstance(entry, Attack)
    first = next(check_submission(entry, file))
    assert first.name == "knowledge" and first.text.startswith(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("result", "faults"),
    [
        ("pixels // 2 * 2", {}),
        ("1 // 0", {"runs": "attack 'lora_sft+mine': ZeroDivisionError: "}),
        (
            "pixels ^ np.frombuffer(os.urandom(pixels.size), np.uint8).reshape(pixels.shape)",
            {"repeats": "other weights"},
        ),
    ],
)
def test_what_is_wrong_with_code_is_said(bench_home: Path, tmp_path: Path, result: str, faults: dict[str, str]) -> None:
    file = tmp_path / "mine.py"
    file.write_text(PART.format(result=result))
    with PARTS.borrow_file("mine", file):
        checks = list(check_attack(Method(name="lora_sft+mine"), Method(name="random_noise")))
    wrong = {check.name: check.text for check in checks if check.wrong}
    assert wrong.keys() == faults.keys()
    assert all(text in wrong[name] for name, text in faults.items())


@pytest.mark.slow
def test_code_that_asks_for_clean_pictures_gets_them(bench_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "asks.py"
    text = (
        PART.format(result="pixels")
        .replace("K1", "K4")
        .replace("    def ", '    needs = frozenset({"owner"})\n\n    def ', 1)
    )
    see = "\n    def prepare(self, released, knowledge, rng):\n        raise ValueError(len(knowledge.owner))\n"
    file.write_text(text + see)
    with PARTS.borrow_file("asks", file):
        checks = list(check_attack(Method(name="lora_sft+asks"), Method(name="none")))
    assert [check.name for check in checks] == ["knowledge", "runs"]
    assert checks[0].text == "K4, so it does not count against the adaptive protection"
    assert "ValueError: 24 (" in checks[1].text
