"""Tuners and parts of other packages are not imported into the judge's process."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.parts import PARTS
from bench.errors import UserError
from bench.sandbox import UNSAFE

PART = '''
"""A stranger's part."""
from attacks.parts import AttackCard, Part, part

@part("theirs")
class Theirs(Part):
    card = AttackCard("K1", 1.0, "nothing", "a stranger")
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a package that is installed, with entry points for a part."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    metadata = tmp_path / "strange_attacks-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-attacks\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[mmguard_bench.part]\ntheirs = strange_attacks\n")
    file = tmp_path / "strange_attacks.py"
    file.write_text(PART)
    for registry in (REGISTRY, PARTS):
        registry.__dict__.pop("catalog", None)
        monkeypatch.setattr(registry, "_descriptions", {})
        monkeypatch.setattr(registry, "_methods", dict(registry._methods))
    yield file
    sys.modules.pop("strange_attacks", None)
    for registry in (REGISTRY, PARTS):
        registry.__dict__.pop("catalog", None)


def test_a_part_of_another_package_is_refused(package: Path) -> None:
    with pytest.raises(UserError, match=r"part theirs from strange-attacks: .*--unsafe-no-sandbox"):
        REGISTRY.describe(parse_attack("lora_sft+theirs"))
    assert "strange_attacks" not in sys.modules


def test_the_unsafe_way_imports_it(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(UNSAFE, "1")
    assert REGISTRY.describe(parse_attack("lora_sft+theirs")).traits.knowledge == "K1"
    assert [name for _, name, _ in REGISTRY.foreign("lora_sft+theirs")] == ["theirs"]
