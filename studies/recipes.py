"""Search a defense's options on validation data, under one cap of pixel steps: python -m studies.recipes mmguard

One option after another takes each value of its grid while the others stay; the best value stays for the options after
it. A recipe is the better, the less a trainer reaches on the *validation* split: the plain one, or who runs --attack.
Nothing here reads the test split. Finished stages are kept, so a search that was stopped goes on where it was.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import typer

from attacks.grammar import parse_attack
from bench.cli import parse
from bench.spec import Method, RunSpec, Threat
from bench.stages import attack, evaluate, protect
from bench.store.predictions import read_table
from defenses import REGISTRY
from defenses.craft.pixel import PixelOptions
from reports import markdown

CAP = 64
"""The most pixel steps a picture. `tap` is searched up to its original's 250."""

Value = bool | int | float
Options = dict[str, Value]
Grid = Mapping[str, tuple[Value, ...]]

INNER: Grid = {"inner_steps": (1, 5, 24, 48), "keep_adapters": (False, True)}
LOOP: Grid = {"image_steps": (2, 5, 8, 16), "rounds": (1, 3, 5, 7), **INNER}
TEXT: Grid = {"candidates": (16, 64)}
BIND: Grid = {"lambda_bind": (0.1, 0.2, 0.5, 1.0, 2.0)}
LAYERS: Grid = {"layers": (1, 2, 4)}
BPH: Grid = {**LOOP, **BIND, "tau": (0.05, 0.1, 0.25), **LAYERS, **TEXT}
CRS: Grid = {**LOOP, **BIND, **LAYERS, **TEXT}
GRIDS: dict[str, Grid] = {
    "em": LOOP,
    "em_class": LOOP,
    "sem": LOOP,
    "bait": LOOP,
    "mem": {**LOOP, **TEXT},
    "multimodal": {**LOOP, **TEXT},
    "text_trigger": {"rounds": (1, 3, 5, 7), **INNER, **TEXT},
    "mmguard": BPH,
    "mmguard_crs": CRS,
    "mmguard_bph_max": BPH,
    "mmguard_crs_max": CRS,
    "hypo": {"image_steps": (12, 24, 64)},
    "uc": {"image_steps": (12, 24, 64), "clusters": (10, 50, 100)},
    "feature_shift": {"image_steps": (12, 24, 64)},
    "tap": {"image_steps": (100, 250), "inner_steps": (288, 576)},
}
"""For each defense the values of its options; those of MMGuard's P, Q, rounds, lambda, |K| and c are in its paper."""


class Trial(NamedTuple):
    """A recipe that was played: its options without defaults, the trainer's accuracy in [0,1], and seconds."""

    options: Options
    accuracy: float
    seconds: float


def loop_options(defense: str, options: Options) -> PixelOptions:
    """Return all options of a gradient-made defense."""
    built = REGISTRY.build(Method(name=defense, options=options)).options
    assert isinstance(built, PixelOptions)
    return built


def within_cap(defense: str, options: Options) -> bool:
    """Return True if a recipe takes no more pixel steps than are allowed."""
    o = loop_options(defense, options)
    return defense == "tap" or o.rounds * o.image_steps <= CAP


def search(defense: str, grid: Grid, play: Callable[[Options], Trial]) -> Iterator[Trial]:
    """Yield every trial of a search, in order: the default recipe first, and no recipe twice.

    It ends where the trainer is right on nothing, since no recipe can leave less.
    """
    best = play({})
    yield best
    defaults = loop_options(defense, {}).model_dump()
    tried = [defaults]
    for option, values in grid.items():
        start = best.options
        for value in values:
            options = start | {option: value}
            if defaults | options in tried or not within_cap(defense, options):
                continue
            tried.append(defaults | options)
            trial = play(options)
            yield trial
            if trial.accuracy < best.accuracy:
                best = trial
            if best.accuracy == 0:
                return


def play_on_validation(spec: RunSpec, options: Options) -> Trial:
    """Make a release, train on it as the trainer does, and answer the validation questions."""
    spec = spec.model_copy(update={"defense": Method(name=spec.defense.name, options=options)})
    release = protect.stage(spec)
    adapter = attack.stage(spec, release, spec.attack)
    predictions = read_table(evaluate.stage(spec, adapter, "validation").make().folder)
    return Trial(options, float(predictions["score"].mean()), float(release.make().cost["seconds"] or 0.0))


def row(defense: str, trial: Trial) -> list[str]:
    """Return the cells of a trial."""
    o = loop_options(defense, trial.options)
    text = ", ".join(f"{key}={value}" for key, value in trial.options.items()) or "defaults"
    steps = [str(o.rounds * o.image_steps), str(o.rounds * o.inner_steps)]
    return [text, *steps, f"{trial.accuracy:.1%}", f"{trial.seconds:.0f}"]


def main(
    defense: str,
    attack: str = "lora_sft",
    dataset: str = "emoji_catalog",
    victim: str = "tiny-llava-a",
    threat: Threat = "white",
    surrogates: str | None = None,
    seed: int = 0,
) -> None:
    """Print each recipe as it is played, and then all of them, the best first."""
    spec = RunSpec(
        defense=Method(name=defense),
        attack=parse_attack(attack),
        dataset=dataset,
        victim=victim,
        threat=threat,
        surrogates=parse.names(surrogates),
        seed=seed,
    )
    trials: list[Trial] = []
    for trial in search(defense, GRIDS[defense], lambda options: play_on_validation(spec, options)):
        trials.append(trial)
        typer.echo(" | ".join(row(defense, trial)), err=True)
    titles = (defense, "pixel steps", "surrogate steps", "accuracy on validation", "seconds")
    best_first = sorted(trials, key=lambda trial: trial.accuracy)
    print(markdown.table(titles, [row(defense, trial) for trial in best_first]))


if __name__ == "__main__":
    typer.run(main)
