"""The tables of docs/findings.md are those of the published rows of protocol 1, judged beside the same attack."""

import re
from pathlib import Path

import pytest

from bench.results import published
from reports import protocol1

TEXT = protocol1.PAGE.read_text(encoding="utf-8")
README = protocol1.PAGE.parents[1].joinpath("README.md").read_text(encoding="utf-8")
INTERVAL = re.compile(r"[+-]\d+\.\d+ \[[+-]\d+\.\d+, [+-]\d+\.\d+\]")


@pytest.fixture(autouse=True)
def _home(bench_home: Path) -> None:
    """Answers come from the published files, not from a home."""


def test_no_table_is_stale() -> None:
    assert protocol1.fill(TEXT) == TEXT, "python -m reports.protocol1 writes them anew"


@pytest.mark.parametrize(("text", "least"), [(TEXT, 8), (README, 4)], ids=["findings", "readme"])
def test_an_interval_in_the_text_stands_in_a_table(text: str, least: int) -> None:
    intervals = INTERVAL.findall(protocol1.TABLE.sub("", text))
    assert len(intervals) >= least
    tables = "".join(match[0] for match in protocol1.TABLE.finditer(TEXT))
    assert not [interval for interval in intervals if interval not in tables]


def test_the_name_of_no_table_is_an_error() -> None:
    with pytest.raises(KeyError, match="worst"):
        protocol1.fill("<!-- worst -->\n<!-- end -->")


def test_the_plain_column_is_what_protocol_1_said() -> None:
    """`lora_sft` was the reference of protocol 1, so against it alone both protocols say the same."""
    rows = protocol1.load_rows()
    rows = rows[(rows["dataset"] == "emoji_catalog") & (rows["threat"] == "white") & (rows["seed"] == 0)]
    for defense in ("mmguard", "em", "random_noise"):
        own = rows[rows["defense_label"] == defense]
        score = protocol1.score_best(own, protocol1.PLAIN)
        (before,) = own.loc[own["attack"] == "lora_sft", "protection"]
        assert score is not None
        assert score.protection is not None
        assert score.protection.value == pytest.approx(before)


def test_no_defense_is_zero() -> None:
    rows = protocol1.load_rows()
    own = rows[(rows["defense"] == "none") & (rows["dataset"] == "emoji_catalog")]
    score = protocol1.score_best(own, protocol1.SET)
    assert score is not None
    assert score.protection == (0, 0, 0)


def test_rows_of_protocol_1_are_in_quarantine() -> None:
    assert {run.protocol for run in published.load_runs()} == {1}
    assert all(run.quarantine for run in published.load_runs())
