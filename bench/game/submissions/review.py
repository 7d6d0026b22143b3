"""Review a change of the repository by machine: it adds one entry in a new folder, and touches nothing else.

Git is asked for names and modes alone; the entry's files are read as `validate` reads them, and nothing is executed.
Pictures of a release are decoded only beside those of another one with the same texts and sizes.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.errors import UserError, show
from bench.game.submissions.files import FOLDER, METADATA, SUMS, read_release
from bench.game.submissions.played import identify, know_code, name_attack
from bench.game.submissions.read import NAME, errors_at, read_submission
from bench.game.submissions.schema import Attack, Code, Entry, Release
from bench.game.submissions.version1 import Submission
from bench.pictures import open_picture
from bench.sandbox.release import Row, load_json

PLACE = re.compile(r"(submissions/(?:attacks/)?(?!attacks/)[a-z][a-z0-9-]{0,59})/(.+)", re.DOTALL)
"""The place of a file of an entry: the entry's folder, and the name in it."""

ORDINARY = "100644"
"""The mode with which git keeps a file that is no link and no program."""

ONE_ENTRY = "allowed: new files in one new folder, submissions/NAME or submissions/attacks/NAME"


class Change(NamedTuple):
    """A changed path: its mode afterwards, and git's letter for what was done; A: added."""

    mode: str
    status: str
    path: str


def review(repository: Path, base: str) -> tuple[Path, Entry]:
    """Return the folder of the one entry that the commits since `base` add, and the entry.

    Raises UserError for any other change: of existing rows, of another's entry, of files elsewhere, links and programs;
    and for an entry that is not valid, or equal to one that is there.
    """
    changes = list_changes(repository, base)
    if not changes:
        raise UserError(f"changes: none since {show(base)}; {ONE_ENTRY}")
    folders: dict[str, list[str]] = {}
    for change in changes:
        place = PLACE.fullmatch(change.path)
        if place is None:
            raise UserError(f"changes: {show(change.path)} is no file of an entry; {ONE_ENTRY}")
        if change.status != "A":
            raise UserError(f"changes: {show(change.path)} was there before; {ONE_ENTRY}")
        if change.mode != ORDINARY:
            raise UserError(f"changes: {show(change.path)} has the mode {change.mode}; allowed: {ORDINARY}, a file")
        folders.setdefault(place[1], []).append(place[2])
    if len(folders) > 1:
        raise UserError(f"changes: {len(folders)} folders, {', '.join(sorted(folders)[:3])}; {ONE_ENTRY}")
    ((name, files),) = folders.items()
    if _git(repository, "ls-tree", "-z", "--name-only", base, "--", name):
        raise UserError(f"changes: {name} was there before; {ONE_ENTRY}")
    entry = _read_entry(repository / name)
    _check_files(entry, repository / name, files)
    _check_new(entry, repository, name)
    return Path(name), entry


def check_options(entry: Entry, repository: Path, folder: Path) -> None:
    """Raise UserError for an entry of code that is another one with options that mean the same: defaults written out.

    The code runs, in the sandbox, where there is another entry of the same code.
    """
    code = _read_hash(entry)
    for other, where in _list_others(repository, str(folder)) if code else ():
        is_like = isinstance(other, type(entry)) and _read_hash(other) == code
        if is_like and _normalise(other, where) == _normalise(entry, repository / folder):
            raise _copy(folder, where.relative_to(repository))


def list_changes(repository: Path, base: str) -> list[Change]:
    """Return what the commits since `base` changed. Raises UserError where git cannot tell."""
    if base.startswith("-"):
        raise UserError(f"base: {show(base)}; allowed: a commit")
    options = ("--raw", "-z", "--abbrev=40", "--no-renames", "--no-ext-diff", "--ignore-submodules=none")
    parts = _git(repository, "diff", *options, f"{base}...HEAD", "--").split("\0")[:-1]
    heads = [head.split(" ") for head in parts[::2]]
    return [Change(head[1], head[4][:1], path) for head, path in zip(heads, parts[1::2], strict=True)]


def _git(repository: Path, *arguments: str) -> str:
    """Return what git prints. Raises UserError where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=False)
    except OSError as error:
        raise UserError(f"git: {error.strerror}; allowed: a machine that has it") from None
    if done.returncode:
        (reason, *_) = [*done.stderr.decode(errors="replace").strip().splitlines(), f"code {done.returncode}"]
        raise UserError(f"git: {show(reason)}; allowed: a base that is a commit of this repository")
    return done.stdout.decode(errors="surrogateescape")


def _read_entry(folder: Path) -> Entry:
    entry = read_submission(folder / NAME)
    if isinstance(entry, Submission):
        raise UserError(f"{folder.name}: version: 1; allowed in a new entry: 2")
    with errors_at(folder / NAME):
        if (folder.parent.name == "attacks") != isinstance(entry, Attack):
            raise UserError(f"kind: {entry.kind!r} in {folder.parent.name}; allowed: attacks in submissions/attacks")
    return entry


def _check_files(entry: Entry, folder: Path, files: list[str]) -> None:
    """Raise UserError for a file that an entry of its kind does not have."""
    allowed = {NAME}
    if isinstance(entry, Code | Attack) and entry.file:
        allowed.add(entry.file)
    if isinstance(entry, Release):
        allowed |= {SUMS, *read_release(folder)}
    if extra := sorted(set(files) - allowed):
        few = ", ".join(sorted(allowed)[:4])
        raise UserError(f"changes: {show(extra[0])} is no file of the kind {entry.kind}; allowed: {few}")


def _check_new(entry: Entry, repository: Path, name: str) -> None:
    """Raise UserError for an entry that is played as another one is: a copy under another name."""
    own = _key(entry, repository / name)
    for other, where in _list_others(repository, name):
        if isinstance(entry, Release) and isinstance(other, Release):
            is_copy = entry.made_for == other.made_for and _is_same_release(repository / name, where)
        else:
            is_copy = isinstance(other, type(entry)) and _key(other, where) == own
        if is_copy:
            raise _copy(name, where.relative_to(repository))


def _copy(name: str | Path, where: Path) -> UserError:
    return UserError(f"changes: {name} is played exactly as {where}; allowed: an entry that differs")


def _list_others(repository: Path, name: str) -> Iterator[tuple[Entry, Path]]:
    """Yield the other entries of today's version, and their folders."""
    for pattern in (f"*/{NAME}", f"attacks/*/{NAME}"):
        for file in sorted((repository / "submissions").glob(pattern)):
            entry = read_submission(file)
            if file.parent != repository / name and not isinstance(entry, Submission):
                yield entry, file.parent


def _read_hash(entry: Entry) -> str:
    """Return the checksum of the code that an entry brings, or ""."""
    return entry.sha256 if isinstance(entry, Code | Attack) else ""


def _normalise(entry: Entry, folder: Path) -> object:
    """Return what an entry of code is played as, with options in their one form, as the code says in the sandbox."""
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    played = identify(entry, folder / NAME)
    with know_code(entry, played):
        if isinstance(entry, Attack):
            return ATTACKS.normalise(name_attack(entry)), played.defenses
        return DEFENSES.normalise(played.defenses[0])


def _key(entry: Entry, folder: Path) -> object:
    """Return what an entry is played as, with options in their one form but those of code, which is not executed."""
    from attacks import REGISTRY as ATTACKS
    from defenses import REGISTRY as DEFENSES

    played = identify(entry, folder / NAME).defenses
    defenses = tuple(DEFENSES.normalise(each) if each.name in DEFENSES.catalog else each for each in played)
    if not isinstance(entry, Attack):
        return defenses
    attack = name_attack(entry)
    return attack if entry.file else ATTACKS.normalise(attack), defenses


def _is_same_release(one: Path, other: Path) -> bool:
    """Return True for the same texts and pixels, however files write them; what differs first ends the comparison.

    A picture is decoded only where texts, sizes and all pictures before it are those of an entry that was accepted.
    """
    rows, others = ([Row.model_validate(load_json(line)) for line in _lines(folder)] for folder in (one, other))
    if rows != others:
        return False
    names = dict.fromkeys(row.file_name for row in rows)
    return all(_is_same_picture(*(folder / FOLDER / name for folder in (one, other))) for name in names)


def _lines(folder: Path) -> list[bytes]:
    return [line for line in (folder / METADATA).read_bytes().split(b"\n") if line]


def _is_same_picture(one: Path, other: Path) -> bool:
    data, others = one.read_bytes(), other.read_bytes()
    if data == others:
        return True
    with open_picture(data, one.name, ("PNG",)) as picture, open_picture(others, other.name, ("PNG",)) as second:
        return picture.size == second.size and picture.tobytes() == second.tobytes()
