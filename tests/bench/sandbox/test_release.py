"""A release that comes out of a sandbox is read as if an enemy had written it: by its bytes alone."""

import io
import json

import numpy as np
import pytest

from bench.errors import UserError
from bench.progress import silent
from bench.samples import Sample, SampleSet, encode_png
from bench.sandbox.release import read_release

PIXELS = np.full((4, 4, 3), 7, np.uint8)
ORIGINAL = SampleSet((Sample("s0", "p0", PIXELS, "What?", "bus"),))
ROW = b'{"file_name": "images/p0.png", "id": "s0", "question": "What?", "answer": "bus"}'


def read(row: bytes = ROW, log: bytes = b"{}") -> SampleSet:
    """Read a release of one sample."""
    files = {"images/p0.png": encode_png(PIXELS), "metadata.jsonl": row, "log.json": log}
    lines = [json.dumps({"file": name, "size": len(data)}).encode() + b"\n" + data for name, data in files.items()]
    return read_release(io.BytesIO(b"".join(lines) + b'{"done": true}\n'), ORIGINAL, silent)[0]


def test_a_release_is_read() -> None:
    assert read().digest == ORIGINAL.digest


@pytest.mark.parametrize(
    "text",
    [
        b'{"x": 1e999}',
        b'{"x": -1e999}',
        b'{"x": 1, "x": 2}',
        b'{"x": {"y": 1, "\\u0079": 2}}',
        b'{"x": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"\xef\xbb\xbf{}",
        b'{"x": "\xff"}',
        '{"x": 1}'.encode("utf-16"),
        b'{"x": ' + b"9" * 5000 + b"}",
        b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"{} {}",
    ],
    ids=lambda text: str(text[:24]),
)
def test_json_that_readers_read_differently_is_one_line(text: bytes) -> None:
    with pytest.raises(UserError, match=r"out of the sandbox came log.json: .*; allowed: closed JSON") as error:
        read(log=text)
    assert str(error.value).isprintable() and len(str(error.value)) < 400
    with pytest.raises(UserError, match=r"out of the sandbox came metadata.jsonl, line 1"):
        read(row=ROW[:-1] + b", " + text[1:])
