"""Flags: what makes a number less than it seems. They stand beside it; nothing is hidden, dropped or ranked by them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri, ndtri

from bench.scoring.protection import ELIGIBLE_GAIN, LISTED_SEEDS
from bench.scoring.stats import LEVEL, Estimate
from defenses import REGISTRY

TENTH = 0.10
"""Of the clean gain: what an attack may cost, a control may keep and seeds may differ by.

The game does not judge where the clean gain is under 10 points (`ELIGIBLE_GAIN`): the same tenth, of a gain that is
100 % by definition. A full protection is ten times as much, so one tenth cannot turn a verdict; more can.
"""

NOTHING = "none"
UPPER_BOUND = "wrong_answers"
"""The one control that must protect."""

PIXELS, WORDS = ("random_noise", "random_noise_class"), ("random_trigger",)
"""What shows how far a budget alone goes: noise for who changes pictures, words for who inserts some."""

TRIGGERS = ("text_trigger", "random_trigger")
"""Releases with inserted words and clean pictures."""


class Cell(NamedTuple):
    """A defense against an attack in one game: means over seeds, accuracies in [0,1] on the test split.

    defense, attack: labels; method: the defense's name. protection: of all seeds, None where it is not defined; seeds:
    that of each alone. eligible: the clean gain of every seed is. pixels, words: what the release changed.
    """

    defense: str
    attack: str
    method: str
    zero: float
    clean: float
    utility: float
    protection: Estimate | None
    seeds: Mapping[int, Estimate | None]
    eligible: bool
    pixels: bool
    words: bool

    @property
    def control(self) -> bool:
        """Whether it competes with nobody."""
        return self.method in REGISTRY.controls


class Smell(NamedTuple):
    """A flag: its kind, whom it concerns ("" for defense or attack: all of the game), and one sentence with numbers."""

    kind: str
    defense: str
    attack: str
    text: str

    @property
    def where(self) -> str:
        """Whom it concerns, for people."""
        return f"{self.defense or 'every defense'} × {self.attack or 'every attack'}"


def smells(cells: Sequence[Cell]) -> list[Smell]:
    """Every flag of one game's cells. What was not played cannot be compared with: it is said only where it matters."""
    judged = sorted(
        (cell for cell in cells if cell.method != UPPER_BOUND), key=lambda cell: (cell.defense, cell.attack)
    )
    return [smell for check in CHECKS for smell in check(judged)]


def under_trained(cells: Sequence[Cell]) -> Iterator[Smell]:
    """The trainer did not learn where there was everything to learn: plain on clean data, or with this very attack.

    Both by the rule of eligibility: a gain of 10 points whose interval is above 0. What an attack gains on clean data
    reaches 0 where its protection reaches 1. And the plain recipe is weak where another attack surely gains a tenth
    more on clean data: all protection is counted from the clean fine-tune.
    """
    weak = [cell for cell in cells if not cell.eligible]
    if weak:
        worst = min(weak, key=lambda cell: cell.clean - cell.zero)
        yield Smell(
            "under-trained",
            "",
            "",
            f"Clean fine-tuning gains {_points(worst.clean - worst.zero)} over zero-shot, from {worst.zero:.1%} to "
            f"{worst.clean:.1%}: fewer than {_points(ELIGIBLE_GAIN)}, or not surely more than none, "
            f"in {len(weak)} of {len(cells)} cells, so nothing can be judged there.",
        )
    for cell, found in _defined(_undefended(cells)):
        gain = cell.utility - cell.zero
        if cell.eligible and (gain < ELIGIBLE_GAIN or found.high >= 1):
            yield Smell(
                "under-trained",
                "",
                cell.attack,
                f"{cell.attack} gains only {_points(gain)} on data without a defense, where plain fine-tuning gains "
                f"{_points(cell.clean - cell.zero)}: a trainer who learns nothing anyway says nothing of a defense.",
            )
        if found.high < -TENTH:
            yield Smell(
                "under-trained",
                "",
                cell.attack,
                f"{cell.attack} has {_share(found)} on data without a defense: it gains more than the clean fine-tune, "
                "which protection is counted from and which is not trained enough.",
            )


def breaks_utility(cells: Sequence[Cell]) -> Iterator[Smell]:
    """An attack that loses more than a tenth of the clean gain where nobody defends: all defenses look better by it."""
    for cell, found in _defined(_undefended(cells)):
        if found.value > TENTH and found.low > 0:
            yield Smell(
                "attack breaks utility",
                "",
                cell.attack,
                f"{cell.attack} loses {_share(found)} of the clean gain on data without a defense: that much of every "
                "protection under it is the attack's own doing.",
            )


def control_as_good(cells: Sequence[Cell]) -> Iterator[Smell]:
    """Under this attack the best control of what the defense changes, or no defense at all, reaches its interval.

    Intervals that overlap are no proof of a tie; a pair can differ all the same. The flag asks to look.
    """
    for cell, found in _defined(_competing(cells)):
        controls = {NOTHING, *(PIXELS if cell.pixels else ()), *(WORDS if cell.words else ())}
        rivals = _defined(_beside(cells, cell, controls))
        control, best = max(rivals, key=lambda rival: rival[1].high, default=(cell, None))
        if best and best.high >= found.low:
            told = "that is more" if best.low > found.high else "the intervals overlap"
            name = "no defense" if control.method == NOTHING else f"control {control.defense}"
            yield Smell(
                "control as good",
                cell.defense,
                cell.attack,
                f"{cell.defense} protects {_share(found)} under {cell.attack}, {name} {_share(best)}: {told}.",
            )


def control_protects(cells: Sequence[Cell]) -> Iterator[Smell]:
    """A control keeps more than a tenth beyond what the attack loses without a defense, with intervals apart.

    Measured from `none` under the same attack, not from 0: what the attack loses by itself is no protection.
    """
    for cell, found in _defined(cell for cell in cells if cell.control and cell.method != NOTHING):
        for _, least in _defined(_beside(cells, cell, {NOTHING})):
            if found.value - least.value > TENTH and found.low > least.high:
                yield Smell(
                    "control protects",
                    cell.defense,
                    cell.attack,
                    f"Control {cell.defense} protects {_share(found)} under {cell.attack}, where no defense has "
                    f"{_share(least)}: the budget alone does more than nothing here.",
                )


def trigger_explains(cells: Sequence[Cell]) -> Iterator[Smell]:
    """A release of pictures and words, whose interval one with words alone reaches under the same attack."""
    for cell, found in _defined(cell for cell in _competing(cells) if cell.pixels and cell.words):
        rivals = _defined(_beside(cells, cell, TRIGGERS))
        trigger, best = max(rivals, key=lambda rival: rival[1].high, default=(cell, None))
        if best and best.high >= found.low:
            yield Smell(
                "trigger explains",
                cell.defense,
                cell.attack,
                f"{cell.defense} protects {_share(found)} under {cell.attack}, {trigger.defense} {_share(best)} with "
                "clean pictures: its words alone may explain the effect.",
            )


def seeds_apart(cells: Sequence[Cell]) -> Iterator[Smell]:
    """Seeds that differ by more than a tenth of the clean gain, and by more than their own intervals explain.

    The second by Cochran's Q (Biometrics 10, 1954): squared distances from the weighted mean, each over the variance
    that the seed's interval says, are chi-square with S - 1 degrees of freedom where all seeds have one protection. The
    seeds share their test pictures, so they differ by less than that: it is seldom wrong. Only both make a flag: the
    first alone is met by small test sets, the second alone by large ones.
    """
    for cell in cells:
        seeds = {seed: found for seed, found in cell.seeds.items() if found}
        if len(seeds) < 2:
            continue
        least, most = min(seeds, key=lambda seed: seeds[seed].value), max(seeds, key=lambda seed: seeds[seed].value)
        distance = seeds[most].value - seeds[least].value
        q, limit = heterogeneity(list(seeds.values())), float(chdtri(len(seeds) - 1, 1 - LEVEL))
        if distance > TENTH and q > limit:
            yield Smell(
                "seeds apart",
                cell.defense,
                cell.attack,
                f"{cell.defense} under {cell.attack} protects from {seeds[least].value:.1%} (seed {least}) to "
                f"{seeds[most].value:.1%} (seed {most}): {_points(distance)} apart, which the intervals of "
                f"{len(seeds)} seeds do not explain (Q {q:.1f}, at most {limit:.1f}).",
            )


def unchecked(cells: Sequence[Cell]) -> Iterator[Smell]:
    """A defense with seeds enough to be listed, under attacks that what it should be compared with never met."""
    for name in dict.fromkeys(cell.defense for cell in _competing(cells)):
        own = [cell for cell in cells if cell.defense == name]
        if max(len(cell.seeds) for cell in own) < LISTED_SEEDS:
            continue
        asked: dict[str, tuple[str, ...]] = {"the attack costs by itself": (NOTHING,)}
        asked |= {"noise alone does": PIXELS} if any(cell.pixels for cell in own) else {}
        asked |= {"inserted words alone do": WORDS} if any(cell.words for cell in own) else {}
        for what, controls in asked.items():
            alone = [cell.attack for cell in own if not any(_beside(cells, cell, controls))]
            if alone:
                yield Smell(
                    "no control played",
                    name,
                    alone[0] if len(alone) == 1 else "",
                    f"No run of {' or '.join(controls)} under {', '.join(alone)} has a seed of {name}: "
                    f"what {what} there is unknown.",
                )


CHECKS: tuple[Callable[[Sequence[Cell]], Iterator[Smell]], ...] = (
    under_trained,
    breaks_utility,
    control_as_good,
    control_protects,
    trigger_explains,
    seeds_apart,
    unchecked,
)


def heterogeneity(seeds: Sequence[Estimate]) -> float:
    """Cochran's Q of estimates with 95 % intervals: inf where an interval has no width and others differ from it."""
    values = np.array([seed.value for seed in seeds])
    errors = np.array([seed.high - seed.low for seed in seeds]) / (2 * ndtri((1 + LEVEL) / 2))
    weights = 1 / np.maximum(errors, 1e-12) ** 2
    total = weights.sum()
    return float(weights @ (values - weights @ values / total) ** 2) if total else 0.0


def _undefended(cells: Iterable[Cell]) -> Iterator[Cell]:
    return (cell for cell in cells if cell.method == NOTHING)


def _competing(cells: Iterable[Cell]) -> Iterator[Cell]:
    return (cell for cell in cells if not cell.control)


def _beside(cells: Iterable[Cell], cell: Cell, methods: Iterable[str]) -> Iterator[Cell]:
    """Other cells of these methods under the same attack, with a seed in common."""
    wanted = set(methods) - {cell.method}
    return (c for c in cells if c.method in wanted and c.attack == cell.attack and c.seeds.keys() & cell.seeds.keys())


def _defined(cells: Iterable[Cell]) -> Iterator[tuple[Cell, Estimate]]:
    return ((cell, cell.protection) for cell in cells if cell.protection)


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _share(found: Estimate) -> str:
    return "{:.1%} [{:.1%}, {:.1%}]".format(*found)
