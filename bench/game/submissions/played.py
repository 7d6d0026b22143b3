"""The runs of a submission. Data, victim, threat models, seeds and budget are the organiser's."""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from bench.errors import UserError, unknown_name
from bench.game.submissions.files import read_code, read_release
from bench.game.submissions.read import NAME, errors_at, read_submission
from bench.game.submissions.schema import Attack, Code, Configured, Entry, Release
from bench.game.submissions.version1 import check_steps
from bench.game.threat import surrogates
from bench.methods import submitted
from bench.spec import Budget, Method, RunSpec, Threat
from defenses import REGISTRY as DEFENSES

DATASET, VICTIM = "emoji_catalog", "tiny-internvl-64"
THREATS: tuple[Threat, ...] = ("white", "black")
SEEDS = (0, 1, 2)
BUDGET = Budget()


class Played(NamedTuple):
    """The defenses of a submission as runs name them, and the files that such a name stands for, by place.

    broken: the code of others that an attack is played against.
    """

    defenses: list[Method]
    files: dict[str, Path]
    broken: tuple["Played", ...] = ()

    def keep(self) -> None:
        """Copy the files into the home, where every stage finds them."""
        if self.files:
            submitted.keep(self.defenses[0].name, self.files)
        for entry in self.broken:
            entry.keep()


def identify(entry: Entry, file: Path) -> Played:
    """Check what a submission names, and the files beside it. Nothing is written, and no code is executed.

    Raises UserError that begins with the place in the file.
    """
    folder = file.parent
    if isinstance(entry, Release):
        with errors_at(file):
            _check_origin(entry)
        sums = read_release(folder)
        files = {place.removeprefix("release/"): folder / place for place in sums}
        return Played([Method(name=submitted.name_release(sums))], files)
    with errors_at(file):
        if isinstance(entry, Code):
            read_code(folder, entry.file, entry.sha256)
            name = submitted.name_content("code", entry.sha256)
            return Played([Method(name=name, options=entry.options)], {entry.file: folder / entry.file})
        if isinstance(entry, Configured):
            _check_defense(entry.defense, "defense")
            return Played([entry.defense], {})
        attack = parse_attack(entry.attack)
        ATTACKS.check(attack.name)
        if attack.options or "+" in attack.name:
            ATTACKS.describe(attack)
        broken = []
        for number, defense in enumerate(entry.breaks):
            if code := _find_code(defense.name, folder / "../.."):
                broken.append(code)
            else:
                _check_defense(defense, f"breaks.{number}", ", and code entries of the folder submissions")
        return Played(entry.breaks, {}, tuple(broken))


def make_cells(entry: Entry, played: Played, attack: str) -> list[list[RunSpec]]:
    """Return the runs of a submission under an attack, the seeds of a cell together, with options in their one form."""
    dataset, threats = DATASET, THREATS
    names: tuple[str, ...] = ()
    if isinstance(entry, Release):
        origin = entry.made_for
        dataset, threats = origin.dataset, (origin.threat,)
        names = _other_surrogates(entry)
    method = ATTACKS.normalise(parse_attack(entry.attack if isinstance(entry, Attack) else attack))
    cells = [(DEFENSES.normalise(defense), threat) for defense in played.defenses for threat in threats]
    return [
        [
            RunSpec(
                defense=defense,
                attack=method,
                dataset=dataset,
                victim=VICTIM,
                threat=threat,
                surrogates=names,
                seed=seed,
                budget=BUDGET,
            )
            for seed in SEEDS
        ]
        for defense, threat in cells
    ]


def _check_origin(entry: Release) -> None:
    """Raise UserError for a larger budget than the organiser's, and for models that its threat model does not allow."""
    for name, limit in BUDGET:
        if (value := getattr(entry.made_for.budget, name)) > limit:
            raise UserError(f"made_for.budget.{name}: {value}; allowed: {limit}")
    try:
        surrogates(VICTIM, entry.made_for.threat, tuple(entry.made_for.surrogates))
    except UserError as error:
        raise UserError(f"made_for.{error}") from None


def _other_surrogates(entry: Release) -> tuple[str, ...]:
    """Return the models of a release where they are not those of the threat model."""
    names = tuple(entry.made_for.surrogates)
    return () if set(names) == set(surrogates(VICTIM, entry.made_for.threat)) else names


def _find_code(name: str, submissions: Path) -> Played | None:
    """Return the entry of code that is played under a name, of those in the folder `submissions`."""
    for file in sorted(submissions.glob(f"*/{NAME}")) if submitted.NAME.fullmatch(name) else ():
        with suppress(UserError):  # a broken entry of others
            entry = read_submission(file)
            if isinstance(entry, Code) and submitted.name_content("code", entry.sha256) == name:
                return identify(entry, file)
    return None


def _check_defense(defense: Method, field: str, more: str = "") -> None:
    """Raise UserError for a defense that is not of `bench list`, wrong options, and too many steps."""
    if defense.name not in DEFENSES.catalog:
        raise unknown_name(f"{field}.name", defense.name, DEFENSES.catalog, more)
    if defense.options:  # the defaults are known to be cheap, and asking for them would import torch
        try:
            check_steps(DEFENSES.describe(defense).options)
        except UserError as error:
            raise UserError(f"{field}.options: {str(error).removeprefix(f'{field}.options: ')}") from None
