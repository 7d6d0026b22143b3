"""Names of files: the pictures and other files of a folder, and the names of the protected pictures."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from bench.owner.encodings import ENDINGS, LOSSLESS, written_format


def walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Yield each file below a folder by its path relative to it, sorted, and True for one that may be read.

    A link is not followed, and neither it nor a pipe, a socket or a device may be read.
    """
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            for name, readable in walk(Path(entry.path)):
                yield f"{entry.name}/{name}", readable
        else:
            yield entry.name, entry.is_file(follow_symlinks=False)


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
