"""A game without a model, played in a second: 32 things are published, and a victim that knew 4 is asked for 40."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import attacks.controls  # noqa: F401 - its attacks must be registered before toys take their names
from attacks import REGISTRY as ATTACKS
from attacks.base import Attack
from attacks.parts import AttackCard
from bench import datasets
from bench.methods.registry import Entry, Registry
from bench.samples import Sample, SampleSet
from bench.spec import Options
from bench.victims.recipes import RECIPES, Recipe
from defenses import REGISTRY as DEFENSES
from defenses.base import Defense, Protected

THINGS = {"train": range(32), "validation": range(11, 21), "test": range(40)}


def things(split: str) -> SampleSet:
    """One gray picture a thing."""
    return SampleSet(
        tuple(
            Sample(f"{split}{i}", f"{split}{i}", np.full((8, 8, 3), 100 + i, np.uint8), "What is this?", f"thing {i}")
            for i in THINGS[split]
        )
    )


@dataclass
class Game:
    """What was computed, and what the toy victim knows before any training and by the format of answers alone."""

    computed: list[str] = field(default_factory=list)
    known: int = 4
    format: int = 0
    broken: bool = False


@dataclass
class Victim:
    """A victim is the answers that it has learned."""

    name: str
    learned: frozenset[str] = frozenset()
    recipe: Recipe = RECIPES[0]


class Kept(NamedTuple):
    """Answers that are kept as an evaluation's are."""

    table: pd.DataFrame

    def save(self, folder: Path) -> None:
        self.table.to_parquet(folder / "predictions.parquet")


class HideOptions(Options):
    """How much is hidden and by how many levels too loud."""

    hidden: int = 16
    over: int = 0


@pytest.fixture
def game(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> Game:
    """Toy data, victims, defenses `hide` and `hide_blindly`, and trainers `lora_sft` and `rinse`."""
    made = Game()

    class Hide(Defense):
        """Shifts and marks the last `hidden` samples; a trainer learns nothing from a mark."""

        Options = HideOptions

        def protect(self, samples: SampleSet, surrogates: Any, budget: Any, rng: Any, progress: Any) -> Protected:
            made.computed.append(self.name)
            progress(0.5, "half")
            level = budget.epsilon + self.options.over
            shifts = rng.choice([-level, level], len(samples))
            shifts[: len(samples) - self.options.hidden] = 0
            released = [
                s.with_release((s.pixels + n).astype(np.uint8), ("mark " if n else "") + s.question)
                for s, n in zip(samples, shifts, strict=True)
            ]
            return Protected(SampleSet(tuple(released)), {"image_steps": 64, "loaded": [s.name for s in surrogates]})

    class HideBlindly(Hide):
        """The same without a look at the surrogates."""

        depends = frozenset({"budget", "seed"})

    class Learn(Attack):
        """Learns every answer of an unmarked question."""

        card = AttackCard("K0", 1.0, "nothing", "a toy")

        def tune(
            self, victim: Any, released: SampleSet, validation: SampleSet, seed: int, folder: Path, progress: Any
        ) -> list[dict[str, Any]]:
            made.computed.append(self.name)
            assert len(validation) == len(THINGS["validation"])
            learned = [s.answer for s in released if not s.question.startswith("mark")]
            (folder / "adapter.json").write_text(json.dumps(learned))
            if made.broken:
                raise MemoryError
            return [{"step": 1, "loss": 0.5}]

    class Shuffle(Learn):
        """Learns the first `format` things, whatever is published: a control of the format alone."""

        def prepare(self, released: SampleSet, own: Any, rng: Any) -> SampleSet:
            marked = (f"mark {s.question}" if i >= made.format else s.question for i, s in enumerate(released))
            return SampleSet(tuple(s.with_release(s.pixels, q) for s, q in zip(released, marked, strict=True)))

    class Rinse(Learn):
        """Removes the first eight marks before it learns."""

        def prepare(self, released: SampleSet, own: Any, rng: Any) -> SampleSet:
            marked = [s.id for s in released if s.question.startswith("mark")][:8]
            return SampleSet(
                tuple(s.with_release(s.pixels, s.question[5:] if s.id in marked else s.question) for s in released)
            )

    @contextmanager
    def use_adapter(victim: Victim, folder: Path | None) -> Iterator[None]:
        known = [f"thing {i}" for i in range(made.known)]
        victim.learned = frozenset(known + (json.loads((folder / "adapter.json").read_text()) if folder else []))
        yield

    @contextmanager
    def cache_features(victim: Victim) -> Iterator[None]:
        yield

    def evaluate(victim: Victim, task: str, split: str, progress: Any) -> Kept:
        made.computed.append(f"answers to {split}")
        rows = [{"id": s.id, "image_id": s.image_id, "score": float(s.answer in victim.learned)} for s in things(split)]
        return Kept(pd.DataFrame(rows))

    methods: list[tuple[Registry, str, type]] = [
        (DEFENSES, "hide", Hide),
        (DEFENSES, "hide_blindly", HideBlindly),
        (ATTACKS, "lora_sft", Learn),
        (ATTACKS, "rinse", Rinse),
        (ATTACKS, "format_only", Shuffle),
    ]
    for registry, name, cls in methods:
        monkeypatch.setattr(cls, "name", name, raising=False)
        monkeypatch.setattr(registry, "_descriptions", {})
        monkeypatch.setitem(registry.catalog, name, Entry("bench.spec", "a toy"))
        monkeypatch.setitem(registry._methods, name, cls)
    for module, name, function in (
        ("bench.lvlm.catalog", "load_once", Victim),
        ("bench.lvlm.adapters", "use_adapter", use_adapter),
        ("bench.lvlm.features", "cache_features", cache_features),
    ):
        toy = ModuleType(module)
        setattr(toy, name, function)
        monkeypatch.setitem(sys.modules, module, toy)
    monkeypatch.setattr(datasets, "load", lambda name, split: things(split))
    monkeypatch.setattr("bench.stages.dataset.dataset_identity", lambda name: "by hand")
    monkeypatch.setattr("bench.stages.evaluate.evaluate", evaluate)
    return made
