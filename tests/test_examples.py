"""Every example in a docstring runs, offline, and says what it does."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    file
    for room in ("bench", "defenses", "attacks")
    for file in (ROOT / room).rglob("*.py")
    if ">>> " in file.read_text()
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_examples_of_a_module_run(file: Path) -> None:
    module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0 and results.failed == 0


def test_the_rooms_that_a_newcomer_calls_have_examples() -> None:
    modules = {str(file.relative_to(ROOT)) for file in FILES}
    assert {"bench/spec.py", "bench/words.py", "bench/game/suite.py", "bench/game/threat.py"} <= modules
    assert len(modules) >= 12
