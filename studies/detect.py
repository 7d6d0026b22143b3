"""Measure how often `bench detect` finds a model that was trained on a release, and accuses one that was not.

    python -m studies.detect --defense em

Pictures are protected COPIES times with other random draws, BLOCK pictures together. Every copy is the release of one
trainer, so each of their models is a case of its own; the other copies are fresh to it. A model that never saw the
release that it is tested on is a case for the rate of false positives; such a model is tested on several, and its cases
are not independent. Intervals are Clopper-Pearson's at 95 %, with cases as the units.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import typer
from scipy.stats import beta

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from attacks.parts import Knowledge
from bench.datasets import load
from bench.lvlm.adapters import use_adapter
from bench.lvlm.catalog import load_once
from bench.owner.measure import losses
from bench.progress import silent
from bench.samples import SampleSet
from bench.scoring.exchange import known_better
from bench.spec import Budget, Method
from defenses import REGISTRY as DEFENSES

TRAINERS = {
    "the release": "lora_sft",
    "its JPEG copies, quality 60": "lora_sft+jpeg(quality=60)",
    "its JPEG copies, quality 20, inserted words dropped": "lora_sft+jpeg(quality=20)+drop_inserted",
    "half of it, the other half clean": "lora_sft+partial(protected=0.5)",
    "a tenth of it, the others clean": "lora_sft+partial(protected=0.1)",
}
"""The attacks of trainers who have the release, by what they train on."""

Blocks = list[SampleSet]


def protect(clean: Blocks, defense: Method, victim: str, seed: int) -> Blocks:
    """Return one release of all blocks."""
    method, models = DEFENSES.build(defense), [load_once(victim)]
    rngs = (np.random.default_rng([seed, number]) for number in range(len(clean)))
    return [
        method.protect(block, models, Budget(), rng, silent).samples for block, rng in zip(clean, rngs, strict=True)
    ]


def measure(copies: list[Blocks], clean: Blocks, victim: str, adapter: Path | None) -> np.ndarray:
    """Return the loss of each answer (blocks, copies, samples) of a victim with an adapter."""
    lvlm = load_once(victim)
    with use_adapter(lvlm, adapter):
        sides = [[losses([lvlm], a, b, None)["release"] for a, b in zip(clean, copy, strict=True)] for copy in copies]
    return np.array(sides).swapaxes(0, 1)


def train(release: Blocks, clean: Blocks, attack: str, victim: str, seed: int, folder: Path) -> Path:
    """Train a victim on all blocks of a release, and return the folder of its adapter."""
    built = ATTACKS.build(parse_attack(attack))
    whole, original = (SampleSet(tuple(s for block in blocks for s in block)) for blocks in (release, clean))
    known = Knowledge(load_once(victim), load("emoji_catalog", "validation"), owner=original)
    prepared = built.prepare(whole, known, np.random.default_rng(seed))
    built.tune(load_once(victim), prepared, known.validation, seed, folder, silent)
    return folder


def p_values(table: np.ndarray, releases: list[int], own: int | None = None) -> Iterator[float]:
    """Yield the p of each copy as the release. own: the copy that the model was trained on, which is fresh to none."""
    for release in releases:
        fresh = [i for i in range(table.shape[1]) if i not in (release, own)]
        yield known_better(list(table[:, [release, *fresh]]))


def interval(found: int, of: int) -> str:
    """Return a rate with its interval, in per cent."""
    low = beta.ppf(0.025, found, of - found + 1) if found else 0.0
    high = beta.ppf(0.975, found + 1, of - found) if found < of else 1.0
    return f"{found} of {of} | {100 * found / of:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def main(
    defense: str = "em",
    victim: str = "tiny-internvl",
    copies: int = 8,
    blocks: int = 3,
    block: int = 50,
    level: float = 0.01,
) -> None:
    """Print one Markdown row for each kind of model."""
    print(f"| {defense}: trained on | accused at {level:.0%} | rate | median p |\n|---|---|---|---|", flush=True)
    samples = load("emoji_catalog", "train")
    clean = [SampleSet(samples[i * block : (i + 1) * block]) for i in range(blocks)]
    made = [protect(clean, Method(name=defense), victim, seed) for seed in range(copies)]
    everyone = list(range(copies))

    def report(title: str, values: list[float]) -> None:
        print(
            f"| {title} | {interval(sum(p <= level for p in values), len(values))} | {np.median(values):.3f} |",
            flush=True,
        )

    with tempfile.TemporaryDirectory() as place:
        others: list[float] = []
        for title, attack in TRAINERS.items():
            own: list[float] = []
            for i in everyone:
                adapter = train(made[i], clean, attack, victim, i, Path(place, f"{i} {title}"))
                table = measure(made, clean, victim, adapter)
                own += p_values(table, [i])
                others += p_values(table, [j for j in everyone if j != i], i)
            report(title, own)
        report("another release (all trainers above)", others)
        report("nothing: the base model", list(p_values(measure(made, clean, victim, None), everyone)))
        values: list[float] = []
        for seed in range(copies // 2):
            adapter = train(clean, clean, "lora_sft", victim, seed, Path(place, f"clean {seed}"))
            values += p_values(measure(made, clean, victim, adapter), everyone)
        report("the clean originals", values)


if __name__ == "__main__":
    typer.run(main)
