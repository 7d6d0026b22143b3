"""Write the site into a folder: an empty one, or one that has a site already."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from bench.errors import UserError, show
from bench.paths import write_atomic

MARK = ".bench-site.json"
"""The file by which a folder is known as a site; it lists the others."""

ALLOWED = "allowed: a new or empty folder, or an older site"

PLACE = re.compile(r"(defenses/)?\w[\w.-]{0,99}", re.ASCII)
"""Places that a file of a site may have."""


def write_site(pages: Mapping[str, str], folder: Path) -> None:
    """Write the files of `build_pages`, and remove those of an older site that are no longer there.

    Raises UserError, and writes nothing, for a folder with other files.
    """
    old = _list_old(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / MARK, json.dumps(sorted({*old, *pages})) + "\n")
        for place, text in pages.items():
            write_atomic(folder / place, text)
        for place in sorted(old - pages.keys()):
            (folder / place).unlink(missing_ok=True)
        write_atomic(folder / MARK, json.dumps(sorted(pages)) + "\n")
    except OSError as error:
        raise UserError(f"html: {show(folder)}: {error.strerror}; allowed: a folder that can be written to") from None


def _list_old(folder: Path) -> set[str]:
    """Return the files of the site that is in a folder; none in a new or empty one."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"html: {show(folder)} is no folder; {ALLOWED}")
    if not folder.exists() or not any(folder.iterdir()):
        return set()
    try:
        places = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return {place for place in places if PLACE.fullmatch(place)}
    except (OSError, ValueError, TypeError):
        raise UserError(f"html: {show(folder)} has other files; {ALLOWED}") from None
