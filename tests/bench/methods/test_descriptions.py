"""Descriptions of methods are kept, and one whose file is broken is made again."""

from pathlib import Path

import pytest

from bench.methods.descriptions import Description, load_or_describe
from bench.methods.registered import Traits
from bench.spec import Method


def load(options: dict[str, int]) -> Description[Traits]:
    """Return the description of a method whose options are given, or those that are kept."""

    def describe() -> Description[Traits]:
        return Description[Traits](options=options, naming={}, code="c", traits=Traits())

    return load_or_describe("toy", Method(name="a"), "c", Description[Traits], describe)


@pytest.mark.parametrize("damage", ["", "{", "[]", "5", "null", '{"options": 5}', "\0", "folder"])
def test_a_broken_description_is_made_again(bench_home: Path, damage: str) -> None:
    assert load({"rounds": 1}) == load({"rounds": 2}), "the first is kept"
    (file,) = (bench_home / "methods").iterdir()
    whole = file.read_text()
    file.unlink()
    file.mkdir() if damage == "folder" else file.write_text(damage)
    assert load({"rounds": 2}).options == {"rounds": 2}
    assert file.is_dir() or file.read_text() == whole.replace("1", "2")
