"""Methods that were sent in: files in the home, under a name that their content decides. None is imported here."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import UserError
from bench.methods.catalog import Entry
from bench.paths import home, make_home

NAME = re.compile(r"(code|release)_[0-9a-f]{16}")
"""Names of code and of releases; the digits are the first of a SHA-256."""

RELEASE = re.compile(r"release_[0-9a-f]{16}")
"""Names of releases alone."""

RELEASED = "defenses.released"
"""The module of the defense that hands out a release which was made elsewhere."""


def name_content(kind: str, sha256: str) -> str:
    """Return the name of content of a kind, which is `code` or `release`.

    >>> name_content("code", "0123456789abcdef" * 4)
    'code_0123456789abcdef'
    """
    return f"{kind}_{sha256[:16]}"


def name_release(sums: Mapping[str, str]) -> str:
    """Return the name of a release from the SHA-256 of each of its files, by place: what `sha256sum` would write.

    >>> name_release({}) == name_content("release", hashlib.sha256().hexdigest())
    True
    """
    text = "".join(f"{sha256}  {place}\n" for place, sha256 in sorted(sums.items()))
    return name_content("release", hashlib.sha256(text.encode()).hexdigest())


def find(name: str) -> Entry | None:
    """Return the entry of a method that was kept, or None."""
    folder = _folder(name)
    if not NAME.fullmatch(name) or not folder.is_dir():
        return None
    if name.startswith("release"):
        return Entry(RELEASED, "a release that was sent in", release=folder)
    (file,) = folder.iterdir()
    return Entry("", f"from {file.name}", file)


def find_code(name: str) -> Entry | None:
    """Return the entry of code that was kept, or None: what a tuner or a part of an attack can be."""
    return find(name) if name.startswith("code_") else None


def keep(name: str, contents: Iterable[tuple[str, bytes]]) -> None:
    """Write files, by their places in the folder of a method, unless they are there. A reader sees all or none.

    Raises UserError for other files than the name stands for, as when they were changed after it was made.
    """
    if _folder(name).is_dir():
        return
    make_home()
    _folder(name).parent.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix=".new-", dir=_folder(name).parent) as draft:
        copy, sums = Path(draft, name), dict[str, str]()
        for place, content in contents:
            (copy / place).parent.mkdir(parents=True, exist_ok=True)
            (copy / place).write_bytes(content)
            sums[place] = hashlib.sha256(content).hexdigest()
        names = {name_release({f"release/{place}": digest for place, digest in sums.items()})}
        if name not in names | {name_content("code", digest) for digest in sums.values()}:
            raise UserError(f"files of {name}: changed since they were checked; allowed: files that stay as they are")
        copy.rename(_folder(name))


def read_sums(name: str) -> dict[str, str]:
    """Return the SHA-256 of each file that is kept of a method, by its place in the folder; {} where nothing is."""
    folder = _folder(name)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _folder(name: str) -> Path:
    return home() / "entries" / name
