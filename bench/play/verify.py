"""Check a provenance file against what is on this machine: its seal, entry, plan, rows and links, and a part anew."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from bench.command import format_command
from bench.errors import UserError, show
from bench.game.submissions.files import FOLDER
from bench.game.submissions.schema import Code, Release
from bench.methods import submitted
from bench.play.chain import (
    AnyEntry,
    Chain,
    Link,
    find_defenses,
    find_stages,
    identify_entry,
    plan_runs,
    read_chain,
)
from bench.play.check import Check
from bench.play.rerun import compare, draw, rerun
from bench.play.roles import stages_of
from bench.play.run import compute_row, run_id
from bench.results import Run
from bench.results.checked import MEASURED
from bench.results.published import COLUMNS
from bench.results.rows_from_elsewhere import PublishedRow, check_row, describe_fault
from bench.spec import RunSpec, identity
from bench.store.artifacts import Artifact
from bench.store.checksums import BrokenFolder, is_sealed
from bench.store.folders import StoredArtifact

OPEN = "not checked: "
"""The beginning of the text of a check that this machine lacks something for."""


def verify(file: Path, share: float, seed: int) -> Iterator[Check]:
    """Yield the checks of a provenance file while they are made; `share` of its stages is made again.

    Raises UserError for a file that is no provenance file, and for a share that is none.
    """
    if not 0 <= share <= 1:
        raise UserError(f"rerun: {share}; allowed: 0 to 1, the share of the stages that is made again")
    chain, entry, data = read_chain(file)
    sealed = is_sealed(data)
    yield Check("seal", "as it was written" if sealed else "the file was changed afterwards", wrong=not sealed)
    yield _check_entry(chain, entry)
    yield from _check_content(chain, entry)
    planned: dict[str, RunSpec] = {}
    try:
        planned = {
            run_id(spec): spec for spec in plan_runs(entry, chain.sums, chain.attack, chain.first, chain.origins)
        }
        stages = find_stages(list(planned.values()))
    except UserError as error:
        yield Check("plan", f"{OPEN}{error}")
        stages = {}
    else:
        yield from _check_plan(chain, planned)
    whole: dict[str, Artifact] = {}
    yield from _check_links(chain.links, whole)
    rows: dict[str, Run] = {}
    for key, values in chain.rows.items():
        try:
            rows[key] = _read_row(key, values)
        except ValueError as error:
            yield Check(f"row {key}", describe_fault(error), wrong=True)
        else:
            if key in planned and stages:
                yield from _check_row(rows[key], planned[key], chain.links, whole)
            elif not stages:
                yield Check(f"row {key}", f"{OPEN}its plan is not known here")
    threads = next((row.provenance.get("threads") for row in rows.values()), None)
    known = {name: stage for name, stage in stages.items() if name in chain.links}
    for name in draw(known, share, seed):
        try:
            yield from rerun(known[name], chain.links, whole.keys() - {name}, threads)
        except UserError as error:
            yield Check(f"re-run {known[name].kind}/{name}", f"{OPEN}{error}")


def status(check: Check) -> str:
    """Return `WRONG`, `open` where this machine lacks something for a check, or `ok`."""
    return "WRONG" if check.wrong else "open" if check.text.startswith(OPEN) else "ok"


def _check_entry(chain: Chain, entry: AnyEntry) -> Check:
    """Return whether the identity is that of the configuration, code or release that the file describes."""
    try:
        name = identify_entry(entry, chain.sums)
    except UserError as error:
        return Check("entry", f"{OPEN}{error}")
    if name != chain.identity:
        return Check("entry", f"{chain.identity} is not the identity of this submission, which is {name}", wrong=True)
    return Check("entry", f"{name}, {entry.title}")


def _check_content(chain: Chain, entry: AnyEntry) -> Iterator[Check]:
    """Yield a check of the code or release that this home keeps of an entry, file by file; none for other entries."""
    if isinstance(entry, Code | Release):
        name = find_defenses(entry, chain.sums)[0].name
        kept = submitted.read_sums(name)
        sums = {place.removeprefix(f"{FOLDER}/"): sha256 for place, sha256 in chain.sums.items()}
        if isinstance(entry, Code):  # of two files of the same content, the name of the first is kept
            sums = dict.fromkeys(kept or [entry.file], entry.sha256)
        different = sorted(place for place in {*sums, *kept} if sums.get(place) != kept.get(place))
        if not kept:
            yield Check("entry", f"{OPEN}{name} is not in this home")
        elif different:
            yield Check("entry", f"{different[0]} of {name}: other bytes than were sent in", wrong=True)
        else:
            yield Check("entry", f"{len(kept)} files of {name} as they were sent in")


def _check_plan(chain: Chain, planned: Mapping[str, RunSpec]) -> Iterator[Check]:
    """Yield a check for each run that the plan has and the file has not, or the other way round."""
    for key in sorted(planned.keys() - chain.rows.keys()):
        yield Check(f"row {key}", f"missing; it is {format_command(planned[key])}", wrong=True)
    for key in sorted(chain.rows.keys() - planned.keys()):
        yield Check(f"row {key}", "not of this submission: another method, seed, attack or budget", wrong=True)
    yield Check("plan", f"{len(planned.keys() & chain.rows.keys())} of {len(planned)} runs have their row")


def _read_row(key: str, values: Mapping[str, JsonValue]) -> Run:
    """Return a row. Raises ValueError where its columns are not those of the run of this identity."""
    row, spec = check_row(values), PublishedRow.model_validate(values).specify()
    if not row.id == key == run_id(spec, row.evaluator, row.protocol):
        raise ValueError("its columns are those of another run")
    return row


def _check_links(links: Mapping[str, Link], whole: dict[str, Artifact]) -> Iterator[Check]:
    """Yield a check for each link that differs, and one for the others; fill `whole` with those that are here."""
    absent = []
    for key, link in links.items():
        name = f"link {link.stage}/{key}"
        missing = [part for part in link.parts() if part not in links]
        if _name(link) != key:
            yield Check(name, "its payload names another stage", wrong=True)
        elif missing:
            yield Check(name, f"it is made of {missing[0]}, which is not in the file", wrong=True)
        elif not StoredArtifact(link.stage, key).folder.exists():
            absent.append(name)
        else:
            check, artifact = _check_files(name, key, link)
            if artifact is None:
                yield check
            else:
                whole[key] = artifact
    yield Check("links", f"{len(whole)} of {len(links)} are here with the same bytes")
    if absent:
        yield Check("links", f"{OPEN}{len(absent)} are not on this machine, {absent[0].removeprefix('link ')} first")


def _check_files(name: str, key: str, link: Link) -> tuple[Check, Artifact | None]:
    """Return a check of the files that are here, and the artefact if they are those of the link."""
    stored = StoredArtifact(link.stage, key)
    try:
        manifest = stored.check()
    except BrokenFolder as error:
        return Check(name, f"{error}, in this home", wrong=True), None
    check = compare(name, link, manifest["files"], "")
    return check, None if check.wrong else Artifact(link.stage, key, stored.folder, manifest, reused=True)


def _check_row(row: Run, spec: RunSpec, links: Mapping[str, Link], whole: Mapping[str, Artifact]) -> Iterator[Check]:
    """Yield the checks of one row: the links that it names, and its numbers from the answers of those that are here."""
    name, roles = f"row {row.id}", {role: stage.identity for role, stage in stages_of(spec).items()}
    other = [role for role, key in roles.items() if row.stages.get(role) != key or key not in links]
    if other:
        role = other[0]
        yield Check(
            name, f"{role} is {row.stages.get(role)}; it should be {roles[role]}, a link of this file", wrong=True
        )
        return
    lost = [role for role, key in roles.items() if key not in whole]
    if lost:
        yield Check(name, f"{OPEN}its numbers; {lost[0]} is not here, or not the same")
        return
    again = compute_row(spec, {role: whole[key] for role, key in roles.items()})
    compared = [column.name for column in COLUMNS if column.name not in (*MEASURED, "stages", "effects")]
    different = [column for column in compared if getattr(row, column) != getattr(again, column)]
    for column in different:
        text = f"{column}: {show(getattr(row, column))}; the answers give {show(getattr(again, column))}"
        yield Check(name, text, wrong=True)
    if not different:
        yield Check(name, f"{len(compared)} columns as computed again from its answers")


def _name(link: Link) -> str:
    try:
        return identity(link.payload)
    except ValueError:
        return ""
