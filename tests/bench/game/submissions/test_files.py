"""Files beside a submission: whole, counted, in their place, and never decoded or executed while they are checked."""

import hashlib
import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.game.submissions import files
from bench.game.submissions.files import read_code, read_release
from bench.game.submissions.played import identify
from bench.game.submissions.read import read_submission
from bench.samples import SampleSet
from tests.bench.game.submissions.wholes import CODE, KINDS, write_sums

Write = Callable[..., Path]
SHA256: str = KINDS["code"]["sha256"]


@pytest.fixture
def folder(write: Write) -> Path:
    """The folder of a release."""
    return write("release").parent


def refusal(folder: Path, sums: bool = True) -> str:
    """The line that refuses a release, whose checksums are made anew."""
    if sums:
        write_sums(folder)
    with pytest.raises(UserError) as error:
        read_release(folder)
    assert str(error.value).isprintable()
    return str(error.value)


def change_rows(folder: Path, **fields: object) -> None:
    file = folder / "release" / "metadata.jsonl"
    first, *others = file.read_text().splitlines()
    file.write_text("\n".join([json.dumps({**json.loads(first), **fields}), *others]))


def test_a_whole_release_is_named_by_its_files_and_not_by_the_order_of_its_checksums(folder: Path) -> None:
    sums = read_release(folder)
    assert list(sums) == ["release/images/p0.png", "release/images/p1.png", "release/metadata.jsonl"]
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(reversed(lines)))
    assert read_release(folder) == sums


def test_a_changed_byte_is_found(folder: Path) -> None:
    with (folder / "release" / "images" / "p1.png").open("ab") as stream:
        stream.write(b"x")
    assert "is not of 'release/images/p1.png'" in refusal(folder, sums=False)


@pytest.mark.parametrize(
    "name", ["images/.hidden.png", "images/a.jpg", "images/p0.png.exe", "notes.txt", "images/\x1b.png", "a.png"]
)
def test_other_files_are_refused(folder: Path, name: str) -> None:
    (folder / "release" / name).write_bytes(b"x")
    assert "allowed: metadata.jsonl and images/NAME.png" in refusal(folder, sums=False)


def test_folders_and_links_are_refused(folder: Path, tmp_path: Path) -> None:
    picture = folder / "release" / "images" / "p0.png"
    picture.rename(tmp_path / "elsewhere.png")
    picture.symlink_to(tmp_path / "elsewhere.png")
    assert "'p0.png'" in refusal(folder)
    picture.unlink()
    picture.mkdir()
    assert "'p0.png'" in refusal(folder, sums=False)


def test_a_release_that_is_a_link_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    (folder / "release" / "metadata.jsonl").unlink()
    (folder / "release" / "metadata.jsonl").symlink_to("/etc/hostname")
    assert "metadata.jsonl" in refusal(folder, sums=False)


def test_missing_and_unlisted_files_are_named(folder: Path) -> None:
    whole = (folder / "SHA256SUMS").read_text()
    (folder / "SHA256SUMS").write_text(whole.split("\n", 1)[1])
    assert "'release/images/p0.png' has no checksum" in refusal(folder, sums=False)
    (folder / "SHA256SUMS").write_text(whole)
    (folder / "release" / "images" / "p0.png").unlink()
    assert "'release/images/p0.png' is named and not there" in refusal(folder, sums=False)
    (folder / "SHA256SUMS").unlink()
    assert refusal(folder, sums=False).startswith("SHA256SUMS: ")


@pytest.mark.parametrize("line", ["", "x", "0" * 64, f"{'0' * 64}  ../a", f"{'0' * 64}  /etc/passwd", "\x1b[31m"])
def test_lines_that_are_no_checksums_are_named_by_number(folder: Path, line: str) -> None:
    (folder / "SHA256SUMS").write_text(f"{(folder / 'SHA256SUMS').read_text()}{line}\n")
    assert refusal(folder, sums=False).startswith("SHA256SUMS, line 4: ")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"file_name": "../../etc/passwd"}, "line 1: file_name: "),
        ({"file_name": "images/p2.png"}, "line 1: file_name: "),
        ({"question": 5}, "line 1: 'question'"),
        ({"question": None}, "line 1: 'question'"),
        ({"extra": "x"}, "line 1: 'extra'"),
        ({"rule": "always"}, "line 1: 'rule'"),
        ({"answers": "bus"}, "line 1: 'answers'"),
        ({"file_name": "images/p1.png"}, "no sample has 'release/images/p0.png'"),
    ],
)
def test_rows_that_are_no_samples_are_named(folder: Path, fields: dict[str, object], message: str) -> None:
    change_rows(folder, **fields)
    assert message in refusal(folder)


@pytest.mark.parametrize("text", ["{", "[" * 10_000, "null", '"x"', '{"id": NaN}', '{"question": "\\ud800"}', "\0"])
def test_text_that_is_no_json_is_one_line(folder: Path, text: str) -> None:
    (folder / "release" / "metadata.jsonl").write_text(text)
    assert "line 1: " in refusal(folder)


@pytest.mark.parametrize(
    ("at", "content", "message"),
    [
        (16, struct.pack(">II", 2**31, 2**31), "pixels; allowed"),
        (24, b"\x10", "RGB with 8 bits"),
        (25, b"\x06", "RGB with 8 bits"),
        (25, b"\x03", "RGB with 8 bits"),
        (0, b"GIF89a..", "RGB with 8 bits"),
    ],
)
def test_pictures_are_refused_by_their_headers(folder: Path, at: int, content: bytes, message: str) -> None:
    picture = folder / "release" / "images" / "p0.png"
    data = picture.read_bytes()
    picture.write_bytes(data[:at] + content + data[at + len(content) :])
    assert message in refusal(folder)
    picture.write_bytes(b"\x89PNG")
    assert "4 bytes" in refusal(folder)


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_FILES", 1), ("MAX_BYTES", 10), ("MAX_TEXT", 10), ("MAX_PICTURE", 9)]
)
def test_counts_and_sizes_are_limited(folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(files, limit, value)
    assert "allowed: " in refusal(folder)


def test_code_is_read_and_never_executed(write: Write) -> None:
    assert read_code(write("code").parent, "mine.py", SHA256) == CODE.encode()


@pytest.mark.parametrize(
    "text",
    [
        "def",
        "\0",
        "\xff",
        "x = " + "(" * 500,
        "-" * 100_000 + "1",
        "from " + "a." * 50_000 + "b import c",
        "import " + "a.\\\n" * 5000 + "b",
        "a" + "()" * 400_000,
        "if 1: pass\n" + "elif 1: pass\n" * 60_000,
        "x = " + "9" * 5000,
    ],
)
def test_code_that_is_no_python_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.py").write_bytes(text.encode("latin-1"))
    sha256 = hashlib.sha256(text.encode("latin-1")).hexdigest()
    with pytest.raises(UserError, match=r"^file: ") as error:
        read_code(tmp_path, "mine.py", sha256)
    assert str(error.value).isprintable()


def test_code_that_is_a_link_a_folder_or_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link.py").symlink_to("/etc/hostname")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "large.py").write_text(CODE)
    monkeypatch.setattr(files, "MAX_CODE", 5)
    for name in ("link.py", "folder.py", "large.py"):
        with pytest.raises(UserError, match=r"^file: "):
            read_code(tmp_path, name, SHA256)


def test_what_was_swapped_after_its_check_is_not_kept(write: Write, bench_home: Path) -> None:
    for kind, place, swap in (
        ("code", "mine.py", lambda file: file.write_text("import os\n")),
        ("code", "mine.py", lambda file: (file.unlink(), file.symlink_to("/dev/zero"))),
        ("release", "release/images/p0.png", lambda file: file.write_bytes(b"x")),
        ("release", "release/images/p0.png", lambda file: (file.unlink(), os.mkfifo(file))),
        ("release", "release/metadata.jsonl", lambda file: file.unlink()),
    ):
        file = write(kind)
        played = identify(read_submission(file), file)
        swap(file.parent / place)
        with pytest.raises(UserError, match=r"changed since|: a link|folder or device|No such file"):
            played.keep()
        assert not (bench_home / "entries" / played.defenses[0].name).exists()
        shutil.rmtree(file.parent / "release", ignore_errors=True)
        (file.parent / "mine.py").unlink()


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return len(content).to_bytes(4) + name + content + zlib.crc32(name + content).to_bytes(4)


@pytest.mark.parametrize(
    ("more", "end", "told"),
    [
        (chunk(b"acTL", bytes(8)), b"", "the chunk 'acTL' at byte 33"),
        (chunk(b"fcTL", bytes(26)), b"", "the chunk 'fcTL'"),
        (chunk(b"tRNS", bytes(6)), b"", "the chunk 'tRNS'"),
        (chunk(b"eXIf", b"MM"), b"", "the chunk 'eXIf'"),
        (chunk(b"\x1b[2J"), b"", "the chunk '\\x1b[2J'"),
        (chunk(b"IHDR", bytes(13)), b"", "the chunk 'IHDR'"),
        (b"\x7f\xff\xff\xffIDAT", b"", "the chunk ''"),
        (b"", b"PK\3\4", "allowed: 71, up to the end"),
        (chunk(b"tEXt", b"a\0b"), None, "the chunk ''"),
    ],
)
def test_pictures_that_others_may_see_otherwise_are_refused(folder: Path, more: bytes, end: bytes, told: str) -> None:
    file = folder / "release" / "images" / "p0.png"
    content = file.read_bytes()
    whole = content[:33] + more + content[33:]
    file.write_bytes(whole[:-12] if end is None else whole + end)
    assert told.replace("71", str(len(content))) in refusal(folder)


def test_texts_about_a_picture_are_no_fault(folder: Path) -> None:
    file = folder / "release" / "images" / "p0.png"
    content = file.read_bytes()
    file.write_bytes(content[:33] + chunk(b"tEXt", b"a\0b") + chunk(b"gAMA", bytes(4)) + content[33:])
    write_sums(folder)
    assert len(read_release(folder)) == 3


@pytest.mark.parametrize(
    "more", ['"answer": "car"', '"\\u0061nswer": "car"', '"rule": 1e999', '"choices": ["\\ud83d"]']
)
def test_rows_that_readers_read_differently_are_refused(folder: Path, more: str) -> None:
    file = folder / "release" / "metadata.jsonl"
    file.write_text(file.read_text().replace("}", f", {more}}}", 1))
    assert "release/metadata.jsonl, line 1: " in refusal(folder)


def test_a_row_is_read_as_it_was_checked(folder: Path) -> None:
    file = folder / "release" / "metadata.jsonl"
    file.write_bytes(file.read_bytes().replace(b", ", b",\r", 1).replace(b"\n", b"\r\n"))
    write_sums(folder)
    read_release(folder)
    assert [sample.id for sample in SampleSet.load(folder / "release")] == ["s0", "s1"]
