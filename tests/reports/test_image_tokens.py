"""The table of models in the docs: every model of the catalog, its checkpoint, and its tokens as computed."""

import re
from pathlib import Path

import pytest

from bench.victims import HUB
from reports.image_tokens import PROCESSORS, count_tokens

DOC = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
ROWS = {row[1]: row for row in re.finditer(r"^\| `([\w.-]+)` \| (\S+) \| `(\w+)` \|.*\| (\d+) \|$", DOC, re.M)}


def test_the_table_has_every_model() -> None:
    assert ROWS.keys() == HUB.keys() == PROCESSORS.keys()


@pytest.mark.parametrize("name", HUB)
def test_a_row_is_the_catalogs_and_its_tokens_are_those_of_the_layout_rule(name: str) -> None:
    assert ROWS[name][2] == HUB[name].source
    assert int(ROWS[name][4]) == count_tokens(name)
