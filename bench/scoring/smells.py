"""Checks that flag the numbers of a game which mean less than they seem.

Flags stand beside the numbers. No number is hidden, dropped or ranked because of one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from scipy.special import chdtri, ndtri

from bench.scoring.flag import Cell, Flag
from bench.scoring.ladder import PLAIN
from bench.scoring.protection import ELIGIBLE_GAIN, LISTED_SEEDS
from bench.scoring.stats import LEVEL, Estimate

TENTH = 0.10
"""Share of the clean gain that a control may take away, and that seeds may differ by.

A game is not judged where the clean gain is under 10 points (`ELIGIBLE_GAIN`). This is the same tenth, of a gain that
is 100 % by definition. A full protection is ten times as much: one tenth cannot turn a verdict, and more can.
"""

NOTHING = "none"
UPPER_BOUND = "wrong_answers"
"""The one control that must protect: a release with wrong answers."""

PIXELS, WORDS = ("random_noise", "random_noise_class"), ("random_trigger",)
"""Controls that show what a budget does without a method: noise for pictures, random words for questions."""

TRIGGERS = ("text_trigger", "random_trigger")
"""Releases with inserted words and unchanged pictures."""


def find_flags(cells: Sequence[Cell]) -> list[Flag]:
    """Return every flag of one game's cells.

    Cells that were not played cannot be compared with. A missing control is flagged only where a defense is listed.
    """
    judged = sorted(
        (cell for cell in cells if cell.method != UPPER_BOUND), key=lambda cell: (cell.defense, cell.attack)
    )
    return [flag for check in CHECKS for flag in check(judged)]


def flag_weak_training(cells: Sequence[Cell]) -> Iterator[Flag]:
    """Flag attacks that gain too little from clean data to be judged alone, by the rule of eligibility."""
    weakest: dict[str, Cell] = {}
    for cell in cells:
        if not cell.eligible and (cell.attack not in weakest or _gain(cell) < _gain(weakest[cell.attack])):
            weakest[cell.attack] = cell
    for attack, cell in weakest.items():
        yield Flag(
            "under-trained",
            "",
            attack,
            f"{attack} gains {_points(_gain(cell))} from clean data, from {cell.baseline:.1%} without their content to "
            f"{cell.clean:.1%}: fewer than {_points(ELIGIBLE_GAIN)}, or not surely more than none, so it judges no "
            "defense alone.",
        )


def flag_costly_attacks(cells: Sequence[Cell]) -> Iterator[Flag]:
    """Flag attacks that keep less than half of what plain fine-tuning gains from clean data."""
    gains = {cell.attack: _gain(cell) for cell in cells if cell.eligible}
    for attack, gain in gains.items():
        if PLAIN in gains and gain < gains[PLAIN] / 2:
            yield Flag(
                "attack breaks utility",
                "",
                attack,
                f"{attack} gains {_points(gain)} from clean data, where {PLAIN} gains {_points(gains[PLAIN])}: it is "
                "judged beside itself, but few trainers would choose it.",
            )


def flag_matching_controls(cells: Sequence[Cell]) -> Iterator[Flag]:
    """Flag defenses whose interval is reached by the best control of what they change, or by no defense at all.

    Overlapping intervals do not prove a tie, since a paired test can still find a difference. The flag asks the reader
    to look.
    """
    for cell, protection in _with_protection(_competing(cells)):
        controls = {NOTHING, *(PIXELS if cell.pixels else ()), *(WORDS if cell.words else ())}
        rivals = _with_protection(_same_attack(cells, cell, controls))
        control, best = max(rivals, key=lambda rival: rival[1].high, default=(cell, None))
        if best and best.high >= protection.low:
            verdict = "that is more" if best.low > protection.high else "the intervals overlap"
            name = "no defense" if control.method == NOTHING else f"control {control.defense}"
            yield Flag(
                "control as good",
                cell.defense,
                cell.attack,
                f"{cell.defense} protects {protection} under {cell.attack}, {name} {best}: {verdict}.",
            )


def flag_protective_controls(cells: Sequence[Cell]) -> Iterator[Flag]:
    """Flag controls that surely protect, and more than a tenth: the numbers of their game are wrong."""
    for cell, protection in _with_protection(cell for cell in cells if cell.control and cell.method != NOTHING):
        if protection.value > TENTH and protection.low > 0:
            yield Flag(
                "control protects",
                cell.defense,
                cell.attack,
                f"Control {cell.defense} protects {protection} under {cell.attack}: the budget alone does "
                "more than nothing here.",
            )


def flag_trigger_effects(cells: Sequence[Cell]) -> Iterator[Flag]:
    """Flag releases of changed pictures and inserted words whose interval is reached by inserted words alone."""
    for cell, protection in _with_protection(cell for cell in _competing(cells) if cell.pixels and cell.words):
        rivals = _with_protection(_same_attack(cells, cell, TRIGGERS))
        trigger, best = max(rivals, key=lambda rival: rival[1].high, default=(cell, None))
        if best and best.high >= protection.low:
            yield Flag(
                "trigger explains",
                cell.defense,
                cell.attack,
                f"{cell.defense} protects {protection} under {cell.attack}, {trigger.defense} "
                f"{best} with clean pictures: its words alone may explain the effect.",
            )


def flag_scattered_seeds(cells: Sequence[Cell]) -> Iterator[Flag]:
    """Flag seeds that differ by more than a tenth of the clean gain and by more than their own intervals explain.

    The second condition is Cochran's Q (Biometrics 10, 1954) above the chi-square quantile with S - 1 degrees of
    freedom, which it follows where all S seeds have one protection. The seeds share their test pictures, so they differ
    by less than that, and the test is seldom wrong. Small test sets meet the first condition by chance and large ones
    the second, so a flag needs both.
    """
    for cell in cells:
        seeds = {seed: estimate for seed, estimate in cell.seeds.items() if estimate}
        if len(seeds) < 2:
            continue
        least = min(seeds, key=lambda seed: seeds[seed].value)
        most = max(seeds, key=lambda seed: seeds[seed].value)
        distance = seeds[most].value - seeds[least].value
        q, limit = cochran_q(list(seeds.values())), float(chdtri(len(seeds) - 1, 1 - LEVEL))
        if distance > TENTH and q > limit:
            yield Flag(
                "seeds apart",
                cell.defense,
                cell.attack,
                f"{cell.defense} under {cell.attack} protects from {seeds[least].value:+.2f} (seed {least}) to "
                f"{seeds[most].value:+.2f} (seed {most}): {distance:.2f} apart, which the intervals of "
                f"{len(seeds)} seeds do not explain (Q {q:.1f}, at most {limit:.1f}).",
            )


def flag_missing_controls(cells: Sequence[Cell]) -> Iterator[Flag]:
    """Flag defenses with seeds enough to be listed, under attacks that the controls to compare with never met."""
    for name in dict.fromkeys(cell.defense for cell in _competing(cells)):
        played = [cell for cell in cells if cell.defense == name]
        if max(len(cell.seeds) for cell in played) < LISTED_SEEDS:
            continue
        comparisons: dict[str, tuple[str, ...]] = {}
        if any(cell.pixels for cell in played):
            comparisons["noise alone does"] = PIXELS
        if any(cell.words for cell in played):
            comparisons["inserted words alone do"] = WORDS
        for effect, controls in comparisons.items():
            attacks = [cell.attack for cell in played if not any(_same_attack(cells, cell, controls))]
            if attacks:
                yield Flag(
                    "no control played",
                    name,
                    attacks[0] if len(attacks) == 1 else "",
                    f"No run of {' or '.join(controls)} under {', '.join(attacks)} has a seed of {name}: "
                    f"what {effect} there is unknown.",
                )


CHECKS: tuple[Callable[[Sequence[Cell]], Iterator[Flag]], ...] = (
    flag_weak_training,
    flag_costly_attacks,
    flag_matching_controls,
    flag_protective_controls,
    flag_trigger_effects,
    flag_scattered_seeds,
    flag_missing_controls,
)


def cochran_q(seeds: Sequence[Estimate]) -> float:
    """Return Cochran's Q of estimates with 95 % intervals: squared distances from the weighted mean, over variances.

    It is inf where an interval has no width and others differ from it.

    >>> round(cochran_q([Estimate(0.5, 0.4, 0.6), Estimate(0.5, 0.3, 0.7)]), 6)
    0.0
    """
    values = np.array([seed.value for seed in seeds])
    errors = np.array([seed.high - seed.low for seed in seeds]) / (2 * ndtri((1 + LEVEL) / 2))
    weights = 1 / np.maximum(errors, 1e-12) ** 2
    total = weights.sum()
    return float(weights @ (values - weights @ values / total) ** 2) if total else 0.0


def _gain(cell: Cell) -> float:
    """Return what the attack gains from clean data."""
    return cell.clean - cell.baseline


def _competing(cells: Iterable[Cell]) -> Iterator[Cell]:
    return (cell for cell in cells if not cell.control)


def _same_attack(cells: Iterable[Cell], cell: Cell, methods: Iterable[str]) -> Iterator[Cell]:
    """Return the cells of other methods under the attack of `cell` that share a seed with it."""
    names = set(methods) - {cell.method}
    for other in cells:
        if other.method in names and other.attack == cell.attack and other.seeds.keys() & cell.seeds.keys():
            yield other


def _with_protection(cells: Iterable[Cell]) -> Iterator[tuple[Cell, Estimate]]:
    return ((cell, cell.protection) for cell in cells if cell.protection)


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
