"""Tuners and parts of other packages run in the sandbox: they are never imported into the judge's process."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from attacks import REGISTRY
from attacks.grammar import parse_attack
from attacks.parts import PARTS
from bench.errors import UserError
from bench.samples import SampleSet
from bench.sandbox import UNSAFE, Data, attack

CODE = '''
"""A stranger's package."""
import os, socket
import numpy as np
from pydantic import Field
from attacks import register
from attacks.base import Attack
from attacks.parts import AttackCard, Part, part
from bench.spec import Options

def is_refused(function):
    try:
        function()
    except BaseException:
        return True
    return False

class TheirsOptions(Options):
    level: int = Field(3, ge=0, le=9)

@part("theirs")
class Theirs(Part[TheirsOptions]):
    card = AttackCard("{knowledge}", 1.0, "nothing", "a stranger")
    needs = frozenset({needs})
    clean_share = {share}

    def prepare(self, released, knowledge, rng):
        self.seen = [
            {{"answers": len({{s.answer for s in knowledge.validation}}), "questions": len(knowledge.validation)}},
            {{"owner": 0 if knowledge.owner is None else sum(
                not np.array_equal(a.pixels, b.pixels) for a, b in zip(knowledge.owner, released))}},
            {{"models": len(os.listdir({checkpoints!r}))}},
            {{"walls": sum(map(is_refused, (
                lambda: os.listdir({datasets!r})[0], lambda: socket.create_connection(("127.0.0.1", 80), 2),
                lambda: os.environ["HF_TOKEN"], lambda: open({private!r}), lambda: open("/input/released/x", "w"))))}},
        ]
        return released

@register("their_tuner")
class TheirTuner(Attack):
    card = AttackCard("K0", 1.0, "nothing", "a stranger")

    def tune(self, victim, released, validation, seed, folder, progress):
        from bench.lvlm.adapters import save_weights
        save_weights(victim, folder)
        return [fact for part in self.parts for fact in part.seen]
'''

ROOT = Path(__file__).parents[3]


POINTS = "[mmguard_bench.attack]\ntheir_tuner = strange_attacks\n[mmguard_bench.part]\ntheirs = strange_attacks\n"


def write(file: Path, knowledge: str = "K1", needs: tuple[str, ...] = (), share: float = 0.0, text: str = CODE) -> None:
    """Write the package, whose part states these facts."""
    (file.parent / "private").write_text("sesame")
    places = {"checkpoints": str(ROOT / "bench/lvlm/embedded/checkpoints"), "datasets": str(ROOT / "bench/datasets")}
    file.write_text(
        text.format(
            knowledge=knowledge, needs=set(needs) or "", share=share, private=str(file.parent / "private"), **places
        )
    )


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a package that is installed, with entry points for a tuner and a part."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    metadata = tmp_path / "strange_attacks-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strange-attacks\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    file = tmp_path / "strange_attacks.py"
    write(file)
    for registry in (REGISTRY, PARTS):
        registry.__dict__.pop("catalog", None)
        monkeypatch.setattr(registry, "_descriptions", {})
    yield file
    sys.modules.pop("strange_attacks", None)
    for registry in (REGISTRY, PARTS):
        registry.__dict__.pop("catalog", None)
        for name in ("theirs", "their_tuner"):
            registry._methods.pop(name, None)  # and no others: their modules, once imported, register nothing again


def test_they_are_described_without_an_import(package: Path) -> None:
    described = REGISTRY.describe(parse_attack("their_tuner+theirs(level=4)"))
    assert described.options == {"theirs.level": 4} == described.naming
    assert (described.traits.knowledge, described.traits.trains) == ("K1", True)
    for text in ("their_tuner", "lora_sft+theirs"):
        with pytest.raises(UserError, match="strange-attacks: it is loaded in the sandbox alone"):
            REGISTRY.build(parse_attack(text))
    with pytest.raises(UserError, match=r"attack 'lora_sft\+theirs': part theirs, option level=10: .*options: level"):
        REGISTRY.describe(parse_attack("lora_sft+theirs(level=10)"))
    assert "strange_attacks" not in sys.modules


def test_parts_are_described_without_what_trains(package: Path) -> None:
    imported = '    settings = property(lambda self: {{"heavy": "peft" in sys.modules or "trl" in sys.modules}})\n'
    text = CODE.replace("import os, socket", "import os, socket, sys")
    text = text.replace("    needs = froz", f"{imported}    needs = froz")
    write(package, text=text)
    assert REGISTRY.describe(parse_attack("lora_sft+theirs")).options["theirs.heavy"] is False


@pytest.mark.slow
def test_an_error_while_samples_are_made_ends_the_process(package: Path, tmp_path: Path) -> None:
    method, trained = parse_attack("lora_sft+theirs"), tmp_path / "trained"
    trained.mkdir()

    def load() -> Data:
        raise UserError("no samples today")

    with pytest.raises(UserError, match=r"attack 'lora_sft\+theirs': no samples today"):
        attack(method, REGISTRY.describe(method).traits, "tiny-llava-a", load, {""}, 0, trained)
    assert not any(trained.iterdir())


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"needs": ("owner",), "share": 0.5}, "knowledge: 'K1'; allowed: K4 to K4, as it needs: owner"),
        ({"needs": ("queried",)}, "knowledge: 'K1'; allowed: K3 to K4, as it needs: queried"),
        ({"needs": ("test",)}, "allowed: queried, owner"),
        ({"knowledge": "K0x"}, "knowledge: 'K0x'; allowed: K0 to K4"),
        ({"knowledge": "K4", "share": 0.5}, "clean_share: '0.5'; allowed: 0, or `owner` in `needs`"),
        ({"knowledge": "K4", "needs": ("owner",), "share": 1.5}, "clean_share: '1.5'; allowed: 0 to 1"),
        ({"knowledge": "K3", "needs": ("queried",)}, "queries: '0'; allowed: 1 or more"),
    ],
)
def test_the_level_must_cover_the_data(facts: dict[str, Any], told: str) -> None:
    from bench.sandbox.release import AttackFacts

    traits = {"trains": True, "checkpoints": {}, "queries": 0, "knowledge": "K1", "needs": (), **facts}
    traits["clean_share"] = traits.pop("share", 0.0)
    with pytest.raises(ValueError, match=told):
        AttackFacts.model_validate({"options": {}, "naming": {}, "traits": traits})


def change(samples: SampleSet) -> SampleSet:
    """Return a release of other pictures."""
    return SampleSet(tuple(s.change(pixels=s.pixels ^ np.uint8(1)) for s in samples))


@pytest.mark.slow
def test_they_see_what_their_level_allows(
    package: Path, samples: SampleSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer of the validation data, a share of the owner's pictures, one model, and nothing of this machine."""
    monkeypatch.setenv("HF_TOKEN", "sesame")
    write(package, "K4", ("owner",), 0.25)
    method, trained = parse_attack("their_tuner+theirs"), tmp_path / "trained"
    trained.mkdir()
    data, traits = Data(change(samples), samples, {"owner": samples}), REGISTRY.describe(method).traits
    curve = attack(method, traits, "tiny-llava-a", lambda: data, {""}, 0, trained)
    seen = SimpleNamespace(**{key: value for fact in curve for key, value in fact.items()})
    assert (seen.answers, seen.questions, seen.models, seen.walls) == (1, len(samples), 1, 5)
    assert seen.owner == sum(s.image_id in _drawn(samples, 0.25) for s in samples) > 0
    assert [file.name for file in trained.iterdir()] == ["weights.safetensors"]
    assert "strange_attacks" not in sys.modules


def _drawn(samples: SampleSet, share: float) -> set[str]:
    from attacks.originals import draw_originals
    from attacks.parts import Knowledge

    knowledge = Knowledge(None, samples, owner=samples)  # type: ignore[arg-type]
    return {s.image_id for s in draw_originals(knowledge, share, np.random.default_rng(0))}


@pytest.mark.without_sandbox
def test_without_a_sandbox_they_are_refused_or_another_artefact(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.spec import Method, RunSpec
    from bench.stages import attack as stage
    from bench.stages import protect

    monkeypatch.setenv("PATH", str(package.parent))
    with pytest.raises(UserError, match=r"attack 'lora_sft\+theirs': .*or run with --unsafe-no-sandbox"):
        REGISTRY.describe(parse_attack("lora_sft+theirs"))
    monkeypatch.setenv(UNSAFE, "1")
    spec = RunSpec(defense=Method(name="none"), attack=parse_attack("lora_sft+theirs"), dataset="emoji_smoke")
    made = stage.stage(spec, protect.stage(spec), spec.attack)
    assert made is not None
    assert made.payload["sandbox"] == "none"
    assert "strange_attacks" not in sys.modules
