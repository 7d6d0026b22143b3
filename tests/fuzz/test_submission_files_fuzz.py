"""Any files beside a submission are what it may have, or one printable line; and damage of every kind is counted."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.game.submissions.files import read_code, read_release, sum_release
from bench.samples import Sample, SampleSet
from studies import validator_fuzz
from tests.fuzz.mutations import check_line, damaged

PIXELS = np.full((5, 7, 3), 9, np.uint8)
SAMPLES = SampleSet((Sample("s0", "p0", PIXELS, "What?", "bus"), Sample("s1", "p1", PIXELS, "What?", "car", ("car",))))
PIECES = [
    b"\0",
    b"\n",
    b"{",
    b"}",
    b"[",
    b'"',
    b":",
    b"null",
    b"NaN",
    b"1e999",
    b"\\ud800",
    b"\xff",
    b"../",
    b"IHDR",
    b"(",
]
PLACES = ["SHA256SUMS", "release/metadata.jsonl", "release/images/p0.png"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole release."""
    place = tmp_path_factory.mktemp("release")
    SAMPLES.save(place / "release")
    (place / "SHA256SUMS").write_text(sum_release(place))
    return place


@given(st.sampled_from(PLACES), st.data())
def test_any_bytes_in_a_release_are_read_or_one_line(folder: Path, place: str, data: st.DataObject) -> None:
    whole = {name: (folder / name).read_bytes() for name in ("SHA256SUMS", place)}
    try:
        (folder / place).write_bytes(data.draw(damaged([whole[place]], PIECES) | st.binary(max_size=60)))
        if place != "SHA256SUMS":
            (folder / "SHA256SUMS").write_text(sum_release(folder))
        assert len(read_release(folder)) == 3
    except UserError as error:
        check_line(error)
    finally:
        for name, content in whole.items():
            (folder / name).write_bytes(content)


@given(damaged([Path(__file__).read_bytes(), validator_fuzz.CODE], PIECES))
def test_any_bytes_are_code_or_one_line(folder: Path, content: bytes) -> None:
    (folder / "mine.py").write_bytes(content)
    try:
        assert read_code(folder, "mine.py", hashlib.sha256(content).hexdigest()) == content
    except UserError as error:
        check_line(error)


def test_damaged_submissions_of_every_kind_are_valid_or_one_line(bench_home: Path) -> None:
    outcomes = validator_fuzz.main(300, seed=1)
    assert outcomes["fault"] == 0
    assert outcomes["refused in one line"] > outcomes["valid"] > 0
