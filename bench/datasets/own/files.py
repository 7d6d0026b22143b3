"""Files of your own data: found inside its folder under the name that a row gives, however that name is spelt."""

import os
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from unicodedata import normalize

from bench.errors import UserError

MISSING = "there is no such file in the data set; allowed: the path of a picture in it"


def inside(file: Path, root: Path, where: str) -> Path:
    """Return the resolved file. Raises UserError if it is no file, or not inside `root` after following all links.

    A name that no file has means the one file whose name differs from it only in how accents are coded, or else only
    in capital letters.
    """
    try:
        for candidate in (file, _spelt_otherwise(file, root)):
            real = candidate.resolve()
            if not real.is_relative_to(root):
                raise UserError(f"{where}: it leaves the folder of the data set; allowed: what is inside")
            if real.is_file():
                return real
    except (OSError, ValueError, RuntimeError):  # too long a name, a zero byte, links in a circle
        pass
    raise UserError(f"{where}: {MISSING}")


def locate(text: str) -> Path:
    """Return the path that a text means. Raises UserError for one that can be none, such as ~ of an unknown person."""
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"dataset: {text[:80]!r} is no path ({reason}); allowed: a folder or file") from None
    return path


def read_limited(file: Path, most: int, where: str) -> bytes:
    """Return the bytes of a file. Raises UserError for more than `most`, or if they cannot be read."""
    try:
        size = file.stat().st_size
        if size > most:
            raise UserError(f"{where}: {size} bytes; allowed: {most}")
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{where}: it cannot be read ({error.strerror}); allowed: a file that you may read") from None


def boundary(folder: Path) -> Path:
    """Return the folder that nothing may leave: the folder itself, or the repository of a hub cache that it is in.

    In such a cache the files of `snapshots/REVISION` are links to `blobs`.
    """
    for parent in folder.parents:
        if parent.name == "snapshots" and (parent.parent / "blobs").is_dir():
            return parent.parent
    return folder


def _spelt_otherwise(file: Path, root: Path) -> Path:
    """Return the file with each part of its name spelt as on disk; unchanged if no part, or more than one, fits."""
    path = Path(os.path.normpath(file))
    if not path.is_relative_to(root):
        return file
    place = root
    for part in path.relative_to(root).parts:
        if (place / part).exists() or not place.is_dir():
            place = place / part
            continue
        names = _names(place, place.stat().st_mtime_ns).get(normalize("NFC", part).casefold(), [])
        same = [name for name in names if normalize("NFC", name) == normalize("NFC", part)] or names
        place = place / (same[0] if len(same) == 1 else part)
    return place


@lru_cache(maxsize=16)
def _names(folder: Path, changed: int) -> dict[str, list[str]]:
    """Return the names in a folder that was last changed at `changed`, by their composed form without capitals."""
    names: dict[str, list[str]] = defaultdict(list)
    for name in sorted(file.name for file in folder.iterdir()):
        names[normalize("NFC", name).casefold()].append(name)
    return names
