"""Names of files: the pictures and other files of a folder, and the names of the protected pictures."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from bench.errors import UserError
from bench.owner.encodings import ENDINGS, LOSSLESS, written_format

LONGEST = 255 - len(".png")
"""Most bytes of a name that may get another ending."""

LINK = "a link or a device; links are not followed"


def walk(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each file below a folder by its path relative to it, sorted, and why it is not read; "" for one that is.

    A link is not followed, and neither it nor a pipe, a socket or a device is read.
    """
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if not entry.is_dir(follow_symlinks=False):
            yield entry.name, "" if entry.is_file(follow_symlinks=False) else LINK
        elif not os.access(entry.path, os.R_OK | os.X_OK):
            yield entry.name, "a folder that cannot be read (Permission denied)"
        else:
            for name, fault in walk(Path(entry.path)):
                yield f"{entry.name}/{name}", fault


def plan_names(formats: Mapping[str, str]) -> dict[str, str]:
    """Return the name of the protected file of each picture, from their formats.

    A name changes only where the format does: its ending is exchanged, or else one is added.

    >>> plan_names({"a.jpg": "JPEG", "b.jpg": "JPEG", "b.png": "PNG", "c": "WEBP"})
    {'a.jpg': 'a.png', 'b.jpg': 'b.jpg.png', 'b.png': 'b.png', 'c': 'c'}
    """
    taken, names = set(formats), {}
    for name, source in sorted(formats.items()):
        written = written_format(source)
        ending = PurePosixPath(name).suffix.lower()
        if ending in LOSSLESS[written] or (source == written and ending not in ENDINGS):
            names[name] = name
            continue
        fitting = LOSSLESS[written][0]
        new = name[: -len(ending)] + fitting if ending in ENDINGS else name + fitting
        if new in taken:
            new = name + fitting
        while new in taken:
            new += fitting
        taken.add(new)
        names[name] = new
    return names


def check_length(name: str, source: str, where: str) -> None:
    """Raise UserError for the name of a picture of a format that would be too long with another ending."""
    if plan_names({name: source})[name] != name and len(os.fsencode(PurePosixPath(name).name)) > LONGEST:
        raise UserError(f"{where}: its name would be too long for a PNG; allowed: {LONGEST} bytes")
