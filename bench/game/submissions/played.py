"""The runs of a submission. Data, victim, threat models, seeds and budget are the organiser's."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from attacks import REGISTRY as ATTACKS
from attacks.grammar import parse_attack
from attacks.parts import PARTS
from bench.errors import UserError, show, unknown_name
from bench.game.submissions.files import MAX_TEXT, read_code, read_file, read_release
from bench.game.submissions.read import NAME, errors_at, read_submission
from bench.game.submissions.schema import Attack, Code, Configured, Entry, Origin, Release
from bench.game.submissions.version1 import check_steps
from bench.game.threat import surrogates
from bench.methods import submitted
from bench.methods.registry import Registry
from bench.spec import Budget, Method, RunSpec, Threat
from defenses import REGISTRY as DEFENSES

DATASET, VICTIM = "emoji_catalog", "tiny-internvl-64"
THREATS: tuple[Threat, ...] = ("white", "black")
SEEDS = (0, 1, 2)
BUDGET = Budget()
TUNER = "lora_sft"
"""The tuner with which the parts are checked that a tuner of one's own is combined with."""


class Played(NamedTuple):
    """The defenses of a submission as runs name them, and the files that such a name stands for, by place.

    used: the code and releases of others that an attack is played against, and its own code. origin: what a release
    was made for.
    """

    defenses: list[Method]
    files: dict[str, Path]
    used: tuple["Played", ...] = ()
    origin: Origin | None = None

    def keep(self) -> None:
        """Copy the files into the home, where every stage finds them. Raises UserError if they are not as checked."""
        if self.files:
            files = self.files.items()
            contents = ((place, read_file(file.parent, file.name, MAX_TEXT, "file")) for place, file in files)
            submitted.keep(self.defenses[0].name, contents)
        for entry in self.used:
            entry.keep()

    @property
    def origins(self) -> dict[str, Origin]:
        """The data, models and budget that each release was made for, by its name."""
        return {entry.defenses[0].name: entry.origin for entry in (self, *self.used) if entry.origin is not None}


def name_attack(entry: Attack) -> Method:
    """Return the attack of a submission as runs name it: code by the hash of its file."""
    attack = parse_attack(entry.attack)
    if not entry.file:
        return attack
    own, name = entry.file.removesuffix(".py"), submitted.name_content("code", entry.sha256)
    terms = [name if term == own else term for term in attack.name.split("+")]
    options = {re.sub(rf"^{own}\.", f"{name}.", key): value for key, value in attack.options.items()}
    return Method(name="+".join(terms), options=options)


@contextmanager
def know_code(entry: Entry, played: Played) -> Iterator[None]:
    """Know the code of a submission under the name that runs have for it, until the block ends. It is not kept."""
    with ExitStack() as known:
        if isinstance(entry, Code | Attack) and entry.file:
            code = played if isinstance(entry, Code) else played.used[0]
            name, (file,) = code.defenses[0].name, code.files.values()
            if isinstance(entry, Code):
                registry: Registry[Any, Any] = DEFENSES
            else:
                registry = ATTACKS if name_attack(entry).name.startswith(name) else PARTS
            known.enter_context(registry.borrow_file(name, file))
        yield


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
        return Played([Method(name=submitted.name_release(sums))], files, origin=entry.made_for)
    with errors_at(file):
        if isinstance(entry, Code):
            return _identify_code(entry.file, entry.sha256, folder, entry.options)
        if isinstance(entry, Configured):
            _check_defense(entry.defense, "defense")
            return Played([entry.defense], {})
        _check_attack(entry)
        used = [_identify_code(entry.file, entry.sha256, folder, {})] if entry.file else []
        for number, defense in enumerate(entry.breaks):
            if other := _find_other(defense.name, folder / "../.."):
                used.append(other)
            else:
                _check_defense(defense, f"breaks.{number}", ", and what `validate` says that others are played as")
        return Played(entry.breaks, {}, tuple(used))


def make_cells(entry: Entry, played: Played, attack: str) -> list[list[RunSpec]]:
    """Return the runs of a submission under an attack, the seeds of a cell together, with options in their one form."""
    method = ATTACKS.normalise(name_attack(entry) if isinstance(entry, Attack) else parse_attack(attack))
    cells = []
    for defense in map(DEFENSES.normalise, played.defenses):
        origin = played.origins.get(defense.name)
        names = () if origin is None else _other_surrogates(origin)
        for threat in THREATS if origin is None else (origin.threat,):
            specs = [
                RunSpec(
                    defense=defense,
                    attack=method,
                    dataset=DATASET if origin is None else origin.dataset,
                    victim=VICTIM,
                    threat=threat,
                    surrogates=names,
                    seed=seed,
                    budget=BUDGET,
                )
                for seed in SEEDS
            ]
            cells.append(specs)
    return cells


def _check_origin(entry: Release) -> None:
    """Raise UserError for a larger budget than the organiser's, and for models that its threat model does not allow."""
    for name, limit in BUDGET:
        if (value := getattr(entry.made_for.budget, name)) > limit:
            raise UserError(f"made_for.budget.{name}: {value}; allowed: {limit}")
    try:
        surrogates(VICTIM, entry.made_for.threat, tuple(entry.made_for.surrogates))
    except UserError as error:
        raise UserError(f"made_for.{error}") from None


def _other_surrogates(origin: Origin) -> tuple[str, ...]:
    """Return the models of a release where they are not those of the threat model."""
    names = tuple(origin.surrogates)
    return () if set(names) == set(surrogates(VICTIM, origin.threat)) else names


def _identify_code(name: str, sha256: str, folder: Path, options: dict[str, bool | int | float | str]) -> Played:
    """Return the name that a file of code is played under. Raises UserError for a file that cannot be read."""
    read_code(folder, name, sha256)
    return Played([Method(name=submitted.name_content("code", sha256), options=options)], {name: folder / name})


def _find_other(name: str, submissions: Path) -> Played | None:
    """Return the entry of code or the release that is played under a name, of those in the folder `submissions`."""
    for file in sorted(submissions.glob(f"*/{NAME}")) if submitted.NAME.fullmatch(name) else ():
        with suppress(UserError):  # a broken entry of others
            entry = read_submission(file)
            if isinstance(entry, Code | Release) and (played := identify(entry, file)).defenses[0].name == name:
                return played
    return None


def _check_attack(entry: Attack) -> None:
    """Raise UserError for an unknown tuner or part, and for wrong options; those of a file of its own are not read."""
    attack, own = parse_attack(entry.attack), entry.file.removesuffix(".py")
    if own in ATTACKS.catalog or own in PARTS.catalog:
        raise UserError(f"file: {show(own)} is a name of `bench list`; allowed: another one")
    tuner, *parts = attack.name.split("+")
    options = {key: value for key, value in attack.options.items() if not own or key.rpartition(".")[0] != own}
    if tuner == own:
        tuner, options = TUNER, {key: value for key, value in options.items() if "." in key}
    known = Method(name="+".join([tuner, *(part for part in parts if part != own)]), options=options)
    try:
        ATTACKS.check(known.name)
        if known.options or "+" in known.name:
            ATTACKS.describe(known)
    except UserError as error:
        raise UserError(f"attack: {str(error).removeprefix('attack').lstrip(': ')}") from None


def _check_defense(defense: Method, field: str, more: str = "") -> None:
    """Raise UserError for a defense that is not of `bench list`, wrong options, and too many steps."""
    if defense.name not in DEFENSES.catalog:
        raise unknown_name(f"{field}.name", defense.name, DEFENSES.catalog, more)
    if defense.options:  # the defaults are known to be cheap, and asking for them would import torch
        try:
            check_steps(DEFENSES.describe(defense).options)
        except UserError as error:
            raise UserError(f"{field}.options: {str(error).removeprefix(f'{field}.options: ')}") from None
