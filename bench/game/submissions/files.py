"""Read the files beside a submission: never through links, nothing beyond a limit, and no picture is decoded."""

import errno
import hashlib
import os
import re
import stat
import struct
from pathlib import Path

from pydantic import ValidationError

from bench.errors import UserError, show
from bench.methods.code import text_hash
from bench.pictures import MAX_PIXELS
from bench.samples import FILE_NAME

FOLDER, SUMS, METADATA = "release", "SHA256SUMS", "release/metadata.jsonl"

MAX_FILES = 20_000
"""Pictures of a release."""

MAX_BYTES = 2**30
"""Bytes of all files of a release."""

MAX_CODE, MAX_TEXT, MAX_PICTURE = 2**20, 2**26, 2**25
"""Bytes of a file of code, of the texts or checksums of a release, and of a picture."""

DOTTED = re.compile(rb"(?<!\w)(?:\w++[ \t\f\\\r\n]*+\.[ \t\f\\\r\n]*+){100}")
"""A name of many parts: for one of 100,000, Python takes minutes that nothing can interrupt."""

SUM = re.compile(r"([0-9a-f]{64}) [ *](release/[^/\n]+(?:/[^/\n]+)?)")
HEADER = struct.Struct(">8s4x4sIIBB")
"""The beginning of a PNG file: signature, length and name of the first chunk, width, height, depth, kind of colours."""

CHUNKS = frozenset(b"IHDR IDAT IEND PLTE bKGD cHRM gAMA hIST iCCP iTXt pHYs sBIT sPLT sRGB tEXt tIME zTXt".split())
"""Chunks of a PNG file of which no reader makes other pixels than the one frame, opaque and upright."""

ALLOWED = "one whole, opaque, upright picture"

PNG, RGB = (b"\x89PNG\r\n\x1a\n", b"IHDR"), (8, 2)


def read_code(folder: Path, name: str, sha256: str) -> bytes:
    """Return a file of Python. Raises UserError for another checksum, and for a text that is no Python."""
    content = read_file(folder, name, MAX_CODE, "file")
    _check_sum(content, sha256, "sha256", name)
    if DOTTED.search(content):
        raise UserError(f"file: {show(name)}: a name with more than 100 points; allowed: names as Python has them")
    try:
        text_hash(content.decode())
    except SyntaxError as error:
        raise UserError(f"file: {show(name)}, line {error.lineno}: {error.msg}; allowed: Python") from None
    except (RecursionError, MemoryError):
        raise UserError(f"file: {show(name)} is too deeply nested; allowed: what Python can read") from None
    except ValueError as error:
        raise UserError(f"file: {show(name)} is no Python: {show(error)}; allowed: a text in UTF-8") from None
    return content


def read_release(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of the release in a folder, by its place, sorted.

    Raises UserError for files without checksums, other files than `SampleSet.save` writes, pictures that are not RGB of
    8 bits, and texts that are no samples.
    """
    places = _list_places(folder)
    if not (folder / SUMS).exists():
        raise UserError(f"{SUMS}: missing; allowed: what `bench submit sums` writes")
    sums = _read_sums(folder)
    for missing, found, what in ((sums, places, "is named and not there"), (places, sums, "has no checksum")):
        if lost := sorted(missing.keys() - found.keys()):
            raise UserError(f"{SUMS}: {show(lost[0])} {what}; allowed: all files, as `bench submit sums` lists them")
    if (total := sum(places.values())) > MAX_BYTES:
        raise UserError(f"{FOLDER}: {total} bytes; allowed: {MAX_BYTES}")
    for place, size in places.items():
        content = read_file(folder, place, MAX_TEXT if place == METADATA else MAX_PICTURE, FOLDER)
        _check_sum(content, sums[place], SUMS, place)
        if place == METADATA:
            _check_rows(content, places)
        else:
            _check_header(content[: HEADER.size], place, size)
            _check_chunks(content, place)
    return sums


def sum_release(folder: Path) -> str:
    """Return the checksums of a release as `sha256sum` writes them. Raises UserError for other files than its own."""
    places = _list_places(folder)
    digests = {place: hashlib.sha256(read_file(folder, place, MAX_TEXT, FOLDER)).hexdigest() for place in places}
    return "".join(f"{digest}  {place}\n" for place, digest in digests.items())


def _list_places(folder: Path) -> dict[str, int]:
    """Return the sizes of the files of a release by their places, sorted."""
    places: dict[str, int] = {}
    for place in (FOLDER, f"{FOLDER}/images"):
        try:
            with os.scandir(folder / place) as entries:
                for number, entry in enumerate(entries):
                    name = f"{place}/{entry.name}"
                    if number >= MAX_FILES:
                        raise UserError(f"{place}: more than {MAX_FILES} files; allowed: {MAX_FILES}")
                    if name == f"{FOLDER}/images" and entry.is_dir(follow_symlinks=False):
                        continue
                    is_picture = place != FOLDER and entry.name.endswith(".png") and FILE_NAME.fullmatch(entry.name)
                    if not (is_picture or name == METADATA):
                        raise UserError(f"{place}: {show(entry.name)}; allowed: metadata.jsonl and images/NAME.png")
                    if not entry.is_file(follow_symlinks=False):
                        kind = "link" if entry.is_symlink() else "folder or device"
                        raise UserError(f"{place}: {show(entry.name)} is a {kind}; allowed: a file")
                    places[name] = entry.stat(follow_symlinks=False).st_size
        except OSError as error:
            raise UserError(f"{place}: {error.strerror}; allowed: a folder with metadata.jsonl and images") from None
    return dict(sorted(places.items()))


def _read_sums(folder: Path) -> dict[str, str]:
    """Return the checksums that `sha256sum` has written, by the places of their files, sorted."""
    sums: dict[str, str] = {}
    lines = read_file(folder, SUMS, MAX_TEXT, SUMS).decode(errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        match = SUM.fullmatch(line)
        if match is None or match[2] in sums:
            what = "is there twice" if match else "is no checksum of a file of the release"
            raise UserError(f"{SUMS}, line {number}: {show(line)} {what}; allowed: lines of `sha256sum`")
        sums[match[2]] = match[1]
    return dict(sorted(sums.items()))


def _check_rows(content: bytes, places: dict[str, int]) -> None:
    """Raise UserError, with the line, for texts that are no samples of the pictures that are there."""
    from bench.sandbox.release import Row, load_json

    pictures: set[str] = set()
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line:
            continue
        try:
            row = Row.model_validate(load_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part)[:40] for part in first["loc"]) or "line"
            raise UserError(f"{METADATA}, line {number}: {show(field)}: {show(first['msg'])}") from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{METADATA}, line {number}: {show(error)}; allowed: a JSON object") from None
        pictures.add(f"{FOLDER}/{row.file_name}")
        if f"{FOLDER}/{row.file_name}" not in places:
            raise UserError(f"{METADATA}, line {number}: file_name: {show(row.file_name)}; allowed: a file of images/")
    if unused := sorted(places.keys() - pictures - {METADATA}):
        raise UserError(f"{METADATA}: no sample has {show(unused[0])}; allowed: pictures of samples")


def _check_header(header: bytes, place: str, size: int) -> None:
    """Raise UserError for a file that does not begin as PNG of 8-bit RGB, or that has too many pixels."""
    if len(header) < HEADER.size:
        raise UserError(f"{show(place)}: {size} bytes; allowed: a PNG file")
    signature, chunk, width, height, *colours = HEADER.unpack(header)
    if (signature, chunk) != PNG or tuple(colours) != RGB:
        raise UserError(f"{show(place)} is no PNG file of RGB with 8 bits; allowed: mode RGB of Pillow")
    if width * height > MAX_PIXELS:
        raise UserError(f"{show(place)}: {width}x{height} pixels; allowed: {MAX_PIXELS} in all")


def _check_chunks(content: bytes, place: str) -> None:
    """Raise UserError for a PNG that another reader may show otherwise: animated, turned, or with more at its end."""
    at, name = len(PNG[0]), b""
    while name != b"IEND":
        length, name = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if name not in CHUNKS or (name == b"IHDR") != (at == len(PNG[0])):
            raise UserError(f"{show(place)}: the chunk {show(name.decode('latin-1'))} at byte {at}; allowed: {ALLOWED}")
        at += 12 + length
    if at != len(content):
        raise UserError(f"{show(place)}: {len(content)} bytes; allowed: {at}, up to the end of the picture")


def read_file(folder: Path, place: str, limit: int, field: str) -> bytes:
    """Return the content of an ordinary file. Raises UserError for a link, and for more bytes than the limit."""
    try:
        with os.fdopen(os.open(folder / place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UserError(f"{field}: {show(place)} is a folder or device; allowed: a file")
            content = stream.read(limit + 1)
    except OSError as error:
        reason = "a link" if error.errno == errno.ELOOP else error.strerror
        raise UserError(f"{field}: {show(place)}: {reason}; allowed: a file beside the YAML") from None
    if len(content) > limit:
        raise UserError(f"{field}: {show(place)} has more than {limit} bytes; allowed: {limit}")
    return content


def _check_sum(content: bytes, expected: str, field: str, place: str) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        told = f"allowed: {actual}, its SHA-256, which `bench submit sums` writes"
        raise UserError(f"{field}: {show(expected)} is not of {show(place)}; {told}")
