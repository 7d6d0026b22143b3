"""`bench power` says what `bench.scoring.power` computes, in points and as a share of the gain."""

import json
from collections.abc import Callable

import pytest

from bench.scoring import power
from bench.scoring.power import StudyDesign


def test_numbers_are_those_of_the_plan(cli: Callable) -> None:
    output = cli("power", "--items", "960", "--per-image", "3", "--seeds", "3", "--gain", "0.6", "--json")
    report = json.loads(output.out)
    design = StudyDesign(960, per_image=3, seeds=3)
    assert output.code == 0
    assert report["paired"] == power.detectable_paired(design)
    assert report["unpaired_protection"] == power.detectable_unpaired(design) / 0.6
    assert StudyDesign(**{name: report[name] for name in StudyDesign._fields}) == design


def test_a_person_reads_points_and_shares(cli: Callable) -> None:
    """300 items, one seed: 8.1 points of 50 are 0.16 of the gain."""
    title, paired, unpaired, seed, listed = cli("power", "--items", "300", "--gain", "0.5").out.splitlines()
    assert title.split() == ["smallest", "detectable", "difference", "accuracy", "protection"]
    assert paired.split() == ["paired,", "the", "same", "items", "8.1", "points", "0.16"]
    assert unpaired.split()[-3:] == ["11.4", "points", "0.23"]
    assert seed.startswith("One seed")
    assert "listed from 3 seeds on, and verified from 5" in listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--items", "10", "--per-image", "6"], "per-image: 6; allowed: 1 to 5"),
        (["--items", "1"], "'--items'"),
        (["--items", "100", "--gain", "0"], "'--gain'"),
        (["--items", "100", "--agreement", "1"], "'--agreement'"),
        ([], "'--items'"),
    ],
)
def test_what_cannot_be_planned_is_refused(cli: Callable, arguments: list[str], message: str) -> None:
    output = cli("power", *arguments)
    assert output.code == 2
    assert message in " ".join(output.err.replace("│", " ").split())
