"""A defense of others protects an owner's folder in the sandbox, and its release keeps the budget or is refused."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.owner.audit import audit
from bench.owner.jobs import make_job
from bench.owner.protect import protect
from bench.spec import Budget
from defenses import REGISTRY
from tests.bench.owner.conftest import tree

ENTRY = """
from bench.samples import SampleSet
from bench.spec import Options
from defenses.base import Card, Defense, Protected

class Darker(Defense[Options]):
    card = Card("none", "nothing", "pictures", "none", "none")
    depends = frozenset({{"budget"}})

    def protect(self, samples, surrogates, budget, rng, progress):
        def darken(pixels):
            return pixels - (pixels >= {step}) * {step}
        changed = (s.with_release(darken(s.pixels).astype("uint8"), s.question) for s in samples)
        return Protected(SampleSet(tuple(changed)))
"""


@pytest.fixture
def darker(tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """Register a file that makes every pixel darker by so many levels, and return its name."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")

    def register(step: int) -> str:
        file = tmp_path / "darker.py"
        file.write_text(ENTRY.format(step=step))
        REGISTRY.add_file("darker", file)
        return "darker"

    yield register
    REGISTRY.catalog.pop("darker", None)


def make(source: Path, out: Path, name: str, **changes: object) -> dict[str, object]:
    """Protect a folder with a defense by its name."""
    fields = {
        "surrogates": (), "epsilon": 8, "words": 5, "seed": 0, "chunk": 4,
        "image_only": False, "text_only": False, "through": None, **changes,
    }  # fmt: skip
    return protect(source, out, make_job(name, {}, **fields))  # type: ignore[arg-type]


def test_a_folder_is_protected_in_the_sandbox(
    source: Path, tmp_path: Path, darker: Callable[[int], str], bench_home: Path
) -> None:
    before = tree(source)
    report = make(source, tmp_path / "out", darker(6))
    assert report["pictures"] == 12 and report["surrogates"] == []
    assert audit(source, tmp_path / "out", Budget(epsilon=6, words=0))["within"]
    assert tree(source) == before


def test_a_release_over_the_budget_is_refused(
    source: Path, tmp_path: Path, darker: Callable[[int], str], bench_home: Path
) -> None:
    with pytest.raises(UserError, match="9 levels and 0 words; allowed: 8 and 5"):
        make(source, tmp_path / "out", darker(9))
    assert list((tmp_path / "out").rglob("*.png")) == []
    with pytest.raises(UserError, match="takes no pixel steps"):
        make(source, tmp_path / "other", "darker", through="jpeg=85")
