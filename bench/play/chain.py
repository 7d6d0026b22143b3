"""The provenance file of a submission: from its configuration, code or release to the numbers of its rows.

Each link is a finished stage: the payload that names it, in which stand the identities of the links that it is made of,
and the SHA-256 of each of its files. Both are those of the stage's own manifest in the store (`bench.store.checksums`);
a row names the links that its numbers are computed from. The last line seals the file as it seals a manifest.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from attacks.required import expand_set
from bench.errors import UserError, printable, show
from bench.game.submissions.played import Played, make_cells, name_attack
from bench.game.submissions.schema import KINDS, Attack, Code, Configured, Entry, Origin, Release
from bench.game.submissions.version1 import Submission
from bench.methods import submitted
from bench.paths import home, write_atomic
from bench.play.roles import stages_of
from bench.play.run import run_id
from bench.results import Run, find
from bench.results.entries import EntryCard, identify_attack, keep_card
from bench.results.published import COLUMNS
from bench.results.rows_from_elsewhere import Identity
from bench.spec import Closed, Method, RunSpec, identity
from bench.stages.stage import Stage
from bench.store.checksums import add_seal

MAX_BYTES = 2**26
"""Bytes of a provenance file."""

MADE_OF = ("dataset", "original", "release", "validation", "questions", "adapter", "owner", "queried")
"""Fields of a payload that name other links."""

NO_ORIGINS: Mapping[str, Origin] = {}
AnyEntry = Entry | Submission
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class MissingRows(UserError):
    """Some runs of a submission have no row, for example because zero-shot almost solves their data."""


class Link(Closed):
    """A finished stage: its kind, what names it, and the size and SHA-256 of each of its files."""

    stage: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    payload: dict[str, JsonValue]
    files: dict[Annotated[str, Field(max_length=300)], tuple[int, Sha256]]

    def parts(self) -> Iterator[str]:
        """Yield the identities of the links that it is made of."""
        for field in MADE_OF:
            value = self.payload.get(field)
            if isinstance(value, str) and not (self.stage == "dataset" and field == "dataset"):
                yield value


class Chain(Closed):
    """The content of a provenance file.

    submission: every field of the entry, in the form of its own version. identity: the name of what is played, which no
    title or author changes. sums: the SHA-256 of each file of a release. attack, first: the plan, as on the command
    line. origins: what the releases of others that an attack is played against were made for. rows: the columns of each
    run, `created` in microseconds since 1970. links: by identity.
    """

    version: Literal[1]
    submission: dict[str, JsonValue]
    identity: Identity
    sums: dict[Annotated[str, Field(max_length=300)], Sha256]
    attack: str = Field(max_length=400)
    first: bool
    origins: dict[str, Origin] = {}
    rows: dict[Identity, dict[str, JsonValue]]
    links: dict[Identity, Link]
    seal: str


def find_defenses(entry: AnyEntry, sums: dict[str, str]) -> list[Method]:
    """Return the defenses of an entry as runs name them. Nothing is read; `sums` are those of a release's files."""
    if isinstance(entry, Release):
        return [Method(name=submitted.name_release(sums))]
    if isinstance(entry, Code):
        return [Method(name=submitted.name_content("code", entry.sha256), options=entry.options)]
    return [entry.defense] if isinstance(entry, Configured | Submission) else entry.breaks


def identify_entry(entry: AnyEntry, sums: dict[str, str]) -> str:
    """Return the identity of an entry: of its configuration, or of the hash of its code or release.

    Titles, authors and the folder do not count, nor whether a default is named. Raises UserError for a method that is
    not known here.
    """
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    played = [DEFENSES.normalise(defense) for defense in find_defenses(entry, sums)]
    attack = [ATTACKS.normalise(name_attack(entry))] if isinstance(entry, Attack) else []
    return identity([method.model_dump(mode="json") for method in [*played, *attack]])


def plan_runs(
    entry: AnyEntry, sums: dict[str, str], attack: str, first: bool, origins: Mapping[str, Origin] = NO_ORIGINS
) -> list[RunSpec]:
    """Return the runs of an entry under an attack or a set of them; with `first` only one.

    origins: what the releases of others that an attack is played against were made for, by their names.
    """
    if isinstance(entry, Submission):
        specs = [spec for text in expand_set(attack) for spec in entry.runs(text)]
    else:
        used = tuple(Played([Method(name=name)], {}, origin=origin) for name, origin in origins.items())
        own = entry.made_for if isinstance(entry, Release) else None
        played = Played(find_defenses(entry, sums), {}, used, own)
        texts = (attack,) if isinstance(entry, Attack) else expand_set(attack)
        specs = [spec for text in texts for cell in make_cells(entry, played, text) for spec in cell]
    return specs[:1] if first else specs


def find_stages(specs: Sequence[RunSpec]) -> dict[str, Stage]:
    """Return the stages of runs, and all that they need, by identity. Raises UserError for an unknown method."""
    stages: dict[str, Stage] = {}
    waiting = [stage for spec in specs for stage in stages_of(spec).values()]
    while waiting:
        stage = waiting.pop()
        if stage.identity not in stages:
            stages[stage.identity] = stage
            waiting += stage.needs
    return stages


def write_chain(
    entry: AnyEntry,
    sums: dict[str, str],
    attack: str,
    first: bool,
    folder: Path | None = None,
    origins: Mapping[str, Origin] = NO_ORIGINS,
) -> Path:
    """Write the provenance file of an entry that was played, by default into `submissions` of the home; return it.

    Raises MissingRows where a run of the plan has no row.
    """
    specs = plan_runs(entry, sums, attack, first, origins)
    rows = {name: find(name) for name in map(run_id, specs)}
    if missing := [name for name, row in rows.items() if row is None]:
        raise MissingRows(f"no provenance file: {len(missing)} of {len(rows)} runs have no row, {missing[0]} first")
    stages = find_stages(specs)
    manifests = {name: stages[name].make().manifest for name in sorted(stages)}
    name = identify_entry(entry, sums)
    content: dict[str, Any] = {
        "version": 1,
        "submission": entry.model_dump(mode="json"),
        "identity": name,
        "sums": sums,
        "attack": attack,
        "first": first,
        **({"origins": {key: origin.model_dump(mode="json") for key, origin in origins.items()}} if origins else {}),
        "rows": {key: _encode(row) for key, row in rows.items() if row is not None},
        "links": {
            key: {"stage": manifest["stage"], "payload": manifest["payload"], "files": manifest["files"]}
            for key, manifest in manifests.items()
        },
    }
    file = (folder or home() / "submissions") / f"{find_defenses(entry, sums)[0].name[:60]}-{name}.json"
    write_atomic(file, add_seal(_format(content)))
    keep_card(_card_key(entry, name), EntryCard(title=entry.title, authors=entry.authors))
    return file


def _card_key(entry: AnyEntry, name: str) -> str:
    """Return the key of an entry's texts: the attack's own for an attack, whichever defenses it is played against."""
    from attacks import REGISTRY as ATTACKS

    if not isinstance(entry, Attack):
        return name
    attack = ATTACKS.normalise(name_attack(entry))
    return identify_attack(attack.name, attack.options)


def read_chain(file: Path) -> tuple[Chain, AnyEntry, bytes]:
    """Return a provenance file's content, its entry, and its bytes. The seal is not checked. Raises UserError."""
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UserError(f"{show(file)}: more than {MAX_BYTES} bytes; allowed: {MAX_BYTES}")
    try:
        chain = Chain.model_validate_json(data)
        kind = chain.submission.get("kind")
        model = Submission if chain.submission.get("version") == 1 else KINDS[str(kind)]
        entry: AnyEntry = TypeAdapter[AnyEntry](model).validate_python(chain.submission)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part)[:64] for part in first["loc"]) or "file"
        raise UserError(f"{show(file)}: {printable(field)}: {printable(first['msg'])}; {ALLOWED}") from None
    except (KeyError, RecursionError):
        raise UserError(f"{show(file)}: submission: no known kind; {ALLOWED}") from None
    return chain, entry, data


ALLOWED = "allowed: a file that `bench submit run` wrote"


def _encode(row: Run) -> dict[str, Any]:
    """Return the columns of a row as JSON, as `check_row` reads them."""
    values = {column.name: getattr(row, column.name) for column in COLUMNS}
    return {**values, "created": round(row.created.timestamp() * 10**6)}


def _format(content: dict[str, Any]) -> bytes:
    """Return JSON with one line for each row and each link, without its last line."""
    parts = []
    for name, value in content.items():
        if name in ("rows", "links"):
            lines = (f'  "{key}": {json.dumps(entry, ensure_ascii=False)}' for key, entry in value.items())
            parts.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
        else:
            parts.append(f' "{name}": {json.dumps(value, ensure_ascii=False)}')
    return ("{\n" + ",\n".join(parts)).encode()
