"""Ask whether binding binds, and whether it protects: python -m studies.binding --victim tiny-llava-a

Every combination of lambda, tau, |K| and c is played. For each, the attention mass that MMGuard raises is measured in
the binding layers of the victim fine-tuned on the release, and of the victim as it is: on the clean input (the original
picture, random words in the places of the trigger) and on the protected one. ± is the half width of a 95 % interval
over samples. Accuracy is that of the trainer (--attack, plain by default) on the *validation* split.

A second table has the effect of each option: the mean change from its first value to another, over the combinations
that differ in nothing else. ± is the half width of a 95 % interval over seeds (Student's t): the combinations of one
seed share releases. Without binding, tau and |K| change nothing, so such pairs are left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import typer
from scipy import stats

from attacks.grammar import parse_attack
from bench.lvlm.adapters import use_adapter
from bench.lvlm.catalog import load_once
from bench.samples import SampleSet
from bench.spec import Method, RunSpec, Threat
from bench.stages import attack, dataset, protect
from bench.words import plain_words
from reports import markdown
from studies.mechanism import MASSES, attention_masses
from studies.recipes import Options, play_on_validation

SYMBOLS = {"lambda_bind": "λ", "tau": "τ", "layers": "|K|", "candidates": "c"}
STATES = ("as it is", "fine-tuned")


class Release(NamedTuple):
    """Measurements of the release of one combination with one seed.

    masses: by the state of the victim, attention masses clean and protected, (2, 3, samples), mean over the layers.
    accuracy: of the trainer, on validation, in [0,1].
    """

    seed: int
    options: Options
    masses: dict[str, np.ndarray]
    accuracy: float

    @property
    def gains(self) -> dict[str, float]:
        """The change by the release of each mass of the fine-tuned victim, and the accuracy, by title."""
        clean, protected = self.masses["fine-tuned"].mean(-1)
        return {**dict(zip(MASSES, (protected - clean).tolist(), strict=True)), "accuracy": self.accuracy}


def mass_cells(masses: np.ndarray) -> list[str]:
    """Return a cell for each mass, clean and protected, from one value a sample (2, 3, samples)."""
    mean, half = masses.mean(-1), 1.96 * masses.std(-1) / np.sqrt(masses.shape[-1])
    return [f"{mean[when, m]:.3f} ± {half[when, m]:.3f}" for m in range(len(MASSES)) for when in (0, 1)]


def measure(spec: RunSpec, options: Options) -> Release:
    """Make a release with these options, train on it, and measure both."""
    accuracy = play_on_validation(spec, options).accuracy
    spec = spec.model_copy(update={"defense": Method(name=spec.defense.name, options=options)})
    release = protect.stage(spec)
    adapter = attack.stage(spec, release, spec.attack)
    assert adapter is not None, "an attack trains"
    before, after = (SampleSet.load(s.make().folder) for s in (dataset.stage(spec.dataset, "train"), release))
    lvlm = load_once(spec.victim)
    masses = {}
    for state, folder in zip(STATES, (None, adapter.folder), strict=True):
        with use_adapter(lvlm, folder):
            found = attention_masses(lvlm, before, after, plain_words([lvlm.tokenizer]), float(options["tau"]))
        masses[state] = found[:, : int(options["layers"])].mean(1)
    return Release(spec.seed, options, masses, accuracy)


def differences(releases: Sequence[Release], option: str, first: float, other: float) -> dict[str, np.ndarray]:
    """Return the change of each gain from one value of an option to another, one mean for each seed."""
    by_name = {_name(release.seed, release.options): release for release in releases}
    changes: dict[str, dict[int, list[float]]] = {}
    for release in releases:
        pair = by_name.get(_name(release.seed, {**release.options, option: other}))
        binds = option == "lambda_bind" or release.options["lambda_bind"] > 0
        if release.options[option] == first and pair is not None and binds:
            for title, gain in release.gains.items():
                changes.setdefault(title, {}).setdefault(release.seed, []).append(pair.gains[title] - gain)
    return {title: np.array([np.mean(pairs) for pairs in by_seed.values()]) for title, by_seed in changes.items()}


def _name(seed: int, options: Options) -> tuple[object, ...]:
    return (seed, *sorted(options.items()))


def effect_rows(releases: Sequence[Release], grid: Mapping[str, Sequence[float]]) -> Iterator[list[str]]:
    """Yield a row for every value of an option but its first: the mean change over seeds, and its interval."""
    for option, (first, *others) in grid.items():
        for other in others:
            cells = []
            for title, values in differences(releases, option, first, other).items():
                count = len(values)
                half = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
                digits = ".1%" if title == "accuracy" else ".3f"
                cells.append(f"{values.mean():+{digits}}" + (f" ± {half:{digits}}" if count > 1 else ""))
            yield [f"{SYMBOLS[option]}: {first:g} to {other:g}", *cells]


def numbers(text: str) -> list[float]:
    """Return numbers that are separated by commas."""
    return [float(part) for part in text.split(",")]


def main(
    defense: str = "mmguard",
    attack: str = "lora_sft",
    victim: str = "tiny-llava-a",
    dataset: str = "emoji_catalog",
    threat: Threat = "white",
    seeds: str = "0",
    bind: str = "0,0.5,2",
    tau: str = "0.1,0.25",
    layers: str = "1,2",
    candidates: str = "16,64",
) -> None:
    """Print a Markdown table with two rows for each combination, and one with the effects of the options."""
    spec = RunSpec(
        defense=Method(name=defense),
        attack=parse_attack(attack),
        dataset=dataset,
        victim=victim,
        threat=threat,
    )
    grid = dict(zip(SYMBOLS, map(numbers, (bind, tau, layers, candidates)), strict=True))
    titles = ["seed", *SYMBOLS.values(), "victim", *(f"{mass}, {w}" for mass in MASSES for w in ("clean", "protected"))]
    print(markdown.table([*titles, "accuracy"], []), flush=True)
    releases = []
    for seed, weight, share, depth, count in product(numbers(seeds), *grid.values()):
        options: Options = {"lambda_bind": weight, "tau": share, "layers": int(depth), "candidates": int(count)}
        releases.append(release := measure(spec.model_copy(update={"seed": int(seed)}), options))
        cells = [f"{value:g}" for value in (seed, *options.values())]
        for state, masses in release.masses.items():
            print("| " + " | ".join([*cells, state, *mass_cells(masses), f"{release.accuracy:.1%}"]) + " |", flush=True)
    effects = ["fine-tuned victim", *(f"{mass}, protected less clean" for mass in MASSES), "accuracy"]
    print("\n" + markdown.table(effects, list(effect_rows(releases, grid))))


if __name__ == "__main__":
    typer.run(main)
