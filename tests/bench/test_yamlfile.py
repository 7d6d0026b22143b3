"""Only a small, ordinary file in UTF-8 is read; any other thing at its path is one line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import Field

from bench.errors import UserError
from bench.spec import Closed
from bench.yamlfile import MAX_BYTES, read


class Inner(Closed):
    """A nested model."""

    share: float = 0.5
    keep: bool = False


class Model(Closed):
    """A model of every kind of field."""

    name: str
    count: int = Field(1, ge=0, le=255)
    inner: Inner = Inner()
    names: list[str] = []


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Write a file and return what is told about it."""

    def tell(content: str | bytes) -> str:
        file = tmp_path / "file.yaml"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UserError) as error:
            read(file, Model)
        assert str(error.value).isprintable() and len(str(error.value)) < 400
        return str(error.value)

    return tell


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"---\n", b"# first\n"])
def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path, start: bytes) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(start + "name: café\ncount: 3\ninner: {share: 1, keep: true}\r\n".encode())
    assert read(file, Model) == Model(name="café", count=3, inner=Inner(share=1.0, keep=True))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("name: x\ncount: 8.5", "count: '8.5': "),
        ("name: x\ncount: '8'", "count: '8': Input should be a valid integer"),
        ("name: x\ncount: true", "count: 'True': Input should be a valid integer"),
        ("name: x\ncount: yes", "count: 'yes': Input should be a valid integer"),
        ("name: x\ncount: ~", "count: 'None': "),
        ("name: x\ncount: 256", "count: '256': Input should be less than or equal to 255"),
        ("name: x\ncount: 010", "file: line 2: '010'"),
        ("name: x\ninner: {keep: yes}", "inner.keep: 'yes': Input should be a valid boolean"),
        ("name: x\ninner: {keep: 1}", "inner.keep: '1': "),
        ("name: x\ninner: {share: '1'}", "inner.share: '1': "),
        ("name: 5", "name: '5': Input should be a valid string"),
        ("name: x\nnames: y", "names: 'y': Input should be a valid list"),
        ("name: x\nnames: [1]", "names.0: '1': "),
        ("name: x\nwrong: 1", "wrong: '1': no such field"),
        ("name: x\n\"\\e]0;PWNED\\a\": 1", "\\x1b]0;PWNED\\x07: '1': no such field"),
        ("name: x\n\"a\\u202E\\u200b\": \"\\u202E\\0\"", "a\\u202e\\u200b: '\\u202e\\x00': no such field"),
        (f"name: x\n{'k' * 500}: {'v' * 500}", f"{'k' * 40}: '{'v' * 80}'... (500 characters): no such field"),
        ("count: 1", "name: missing"),
        ("nane: x", "nane: 'x': no such field; missing: name"),
        ("count: 256\nnane: x", "nane: 'x': no such field; missing: name"),
        ("", "file: nothing in it; allowed: the fields name, count, inner, names"),
        ("# only a comment", "file: nothing in it"),
        ("null", "file: nothing in it"),
        ("- a\n- b", "file: \"['a', 'b']\"; allowed: the fields"),
        ("just words", "file: 'just words'; allowed: the fields"),
        (b"name: x\ncaf\xe9: 1", "file: line 2: the byte 0xe9 is not of UTF-8"),
        ("name: x".encode("utf-16"), "file: line 1: the byte 0xff is not of UTF-8"),
        ("name: x".encode("utf-16-le"), "file: line 1: the character \\x00"),
        (b"name: \xed\xa0\x80", "file: line 1: the byte 0xed is not of UTF-8"),
        (b"name: x\x00y", "file: line 1: the character \\x00"),
        ("#" * (MAX_BYTES + 1), "file: '"),
    ],
    ids=lambda value: str(value)[:30].encode("unicode_escape").decode(),
)  # fmt: skip
def test_a_fault_is_told_with_field_or_line_value_and_what_is_allowed(
    told: Callable[[str | bytes], str], content: str | bytes, line: str
) -> None:
    assert told(content).startswith(line)


@pytest.mark.parametrize(
    "kind", ["folder", "fifo", "device", "loop", "missing", "long", "nul", "below a file", "surrogate"]
)
def test_what_is_no_ordinary_file_is_one_line(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "thing"
    if kind == "folder":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    elif kind == "loop":
        place.symlink_to(place)
    elif kind == "below a file":
        place.write_text("name: x")
        place /= "more"
    else:
        others = {"device": "/dev/zero", "missing": "missing", "long": "n" * 5000, "nul": "a\0b", "surrogate": "\udce9"}
        place = Path(others[kind])
    with pytest.raises(UserError, match=r"^file: '") as error:
        read(place, Model)
    assert str(error.value).isprintable() and len(str(error.value)) < 400


def test_a_file_that_the_system_will_not_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file.yaml"
    file.write_text("name: x")
    file.chmod(0)
    if os.geteuid() == 0:  # nothing is closed to root
        monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        read(file, Model)
