"""Parquet files of strangers: whole ones are read as they are; those that unfold to too much are refused at once."""

import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.datasets import parquet
from bench.datasets.parquet import read_batches
from bench.datasets.parquet_pages import read_pages
from bench.errors import UserError

MEGABYTE = 2**20


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> int:
    """The most bytes that a file unfolds to, made small so that bombs are quick to write."""
    monkeypatch.setattr(parquet, "MAX_VALUES", 100_000)
    monkeypatch.setattr(parquet, "MAX_UNFOLDED", 4 * MEGABYTE)
    return parquet.MAX_UNFOLDED


def read(file: Path) -> list[dict[str, object]]:
    return [row for batch in read_batches(file, file.name) for row in batch.to_pylist()]


def varint(number: int, length: int = 1) -> bytes:
    """Write a whole number as Thrift does, in at least so many bytes."""
    parts: list[int] = []
    value = 2 * number
    while value or len(parts) < length:
        parts.append(value & 127 | 128)
        value >>= 7
    parts[-1] &= 127
    return bytes(parts)


def patch(file: Path, old: bytes, new: bytes) -> None:
    """Replace bytes of a file's footer."""
    data = file.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert len(old) == len(new) and data[start:].count(old)
    file.write_bytes(data[:start] + data[start:].replace(old, new))


@given(
    words=st.lists(st.text(max_size=20), min_size=1, max_size=300),
    dictionary=st.booleans(),
    version=st.sampled_from(["1.0", "2.0"]),
    compression=st.sampled_from(["none", "snappy", "zstd", "gzip"]),
    rows=st.integers(1, 300),
    page=st.sampled_from([16, 1000, MEGABYTE]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_whole_file_is_read_as_it_is(
    tmp_path: Path, words: list[str], dictionary: bool, version: str, compression: str, rows: int, page: int
) -> None:
    cells = [{"word": word, "number": n, "list": words[n : n + 3]} for n, word in enumerate(words)]
    pq.write_table(
        pa.Table.from_pylist(cells), tmp_path / "a.parquet", use_dictionary=dictionary, compression=compression,
        data_page_version=version, row_group_size=rows, data_page_size=page, dictionary_pagesize_limit=4 * page,
    )  # fmt: skip
    assert read(tmp_path / "a.parquet") == cells


WORDS = [f"word {n} " * 150 for n in range(700)]
NESTED = {
    "list": pa.list_(pa.string()),
    "large list": pa.large_list(pa.large_string()),
    "list of lists": pa.list_(pa.list_(pa.string())),
    "turns": pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())])),
    "pictures": pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    "struct of lists": pa.struct([("answers", pa.list_(pa.string()))]),
    "map": pa.map_(pa.string(), pa.string()),
}


def nested(kind: pa.DataType, word: str) -> Any:
    """Return a value of a nested type, whose texts are all one word."""
    if pa.types.is_map(kind):
        return [("key", word)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [nested(kind.value_type, word)] * 2
    if pa.types.is_struct(kind):
        return {field.name: nested(field.type, word) for field in kind}
    return word.encode() if pa.types.is_binary(kind) else word


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("page", [MEGABYTE, 4000])
@pytest.mark.parametrize("kind", NESTED)
def test_large_dictionaries_inside_nested_columns_are_read_as_they_are(
    tmp_path: Path, kind: str, page: int, version: str
) -> None:
    """Every text might be as large as the dictionary, which would be gigabytes. With small pages it ends half way."""
    rows = [nested(NESTED[kind], WORDS[7 * n % 700]) for n in range(800)]
    table = pa.table({"column": pa.array(rows, NESTED[kind])})
    pq.write_table(
        table, tmp_path / "a.parquet", data_page_version=version, data_page_size=page, dictionary_pagesize_limit=page
    )
    assert read(tmp_path / "a.parquet") == table.to_pylist()


def test_pages_are_those_that_arrow_reads(tmp_path: Path) -> None:
    """A column of 5,000 numbers, and one of a dictionary with two entries."""
    file = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"n": range(5000), "w": ["a", "bb"] * 2500}), file, use_dictionary=["w"], compression="none"
    )
    group = pq.ParquetFile(file).metadata.row_group(0)
    numbers, words = ([*read_pages(memoryview(file.read_bytes()), group.column(n))] for n in range(2))
    assert sum(page.values for page in numbers) == 5000 and sum(page.unfolded for page in numbers) >= 5000 * 8
    assert [page.is_dictionary for page in words] == [True, *[False] * (len(words) - 1)]
    assert (words[0].values, words[0].unfolded) == (2, len("abb") + 2 * 4)


@pytest.mark.parametrize("kind", ["list", "text", "pages", "numbers"])
def test_a_bomb_is_refused(tmp_path: Path, kind: str, most: int) -> None:
    """A few kilobytes that are much more when they are read."""
    file, big = tmp_path / "a.parquet", "x" * MEGABYTE
    columns = {
        "list": pa.array([[big] * 2] * 3),
        "text": pa.array([big * 5]),
        "pages": pa.array([big] * 5),
        "numbers": pa.array([[0] * parquet.MAX_VALUES, [0]]),
    }
    pq.write_table(pa.table({"answer": columns[kind]}), file, compression="zstd", use_dictionary=False)
    assert file.stat().st_size < MEGABYTE
    with pytest.raises(UserError, match=r"^a.parquet: (it unfolds to|\d+ values)[^\n]*; allowed: "):
        next(read_batches(file, file.name))


@pytest.mark.parametrize("lists", [False, True])
def test_many_numbers_of_one_large_entry_are_read_a_few_at_once(tmp_path: Path, lists: bool, most: int) -> None:
    """40 GB in a few kilobytes: whoever reads the rows counts them, so no batch may be large."""
    file = tmp_path / "a.parquet"
    answers = pa.DictionaryArray.from_arrays(pa.array([0] * 40_000), pa.array(["x" * MEGABYTE]))
    cells = pa.ListArray.from_arrays(pa.array(range(0, 40_001, 100), pa.int32()), answers) if lists else answers
    pq.write_table(pa.table({"answers": cells}), file, compression="zstd", dictionary_pagesize_limit=2 * MEGABYTE)
    assert file.stat().st_size < MEGABYTE
    for batch in islice(read_batches(file, file.name), 3):
        assert batch.num_rows and batch.nbytes <= most


def test_a_footer_that_names_a_smaller_size_is_not_believed(tmp_path: Path, most: int) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table({"answer": ["x" * most, "y"]}), file, compression="zstd", use_dictionary=False)
    size = pq.ParquetFile(file).metadata.row_group(0).column(0).total_uncompressed_size
    small = varint(100, len(varint(size)))
    patch(file, b"\x16" + varint(size) + b"\x16", b"\x16" + small + b"\x16")
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).total_uncompressed_size == 100
    with pytest.raises(UserError, match="it unfolds to 4 MB or more"):
        read(file)


def test_a_dictionary_that_stands_after_other_pages_is_found(tmp_path: Path, most: int) -> None:
    """A hundred rows of a dictionary's entry of a megabyte: 64 MB, if as many as usual are read at once."""
    file, entry = tmp_path / "a.parquet", "y" * MEGABYTE
    words = [entry] * 100 + [f"word {n}" for n in range(1000)]
    pq.write_table(
        pa.table({"answer": words}), file, compression="zstd", write_statistics=False, data_page_size=100,
        write_batch_size=50, dictionary_pagesize_limit=len(entry) + 50,
    )  # fmt: skip
    data, column = file.read_bytes(), pq.ParquetFile(file).metadata.row_group(0).column(0)
    pages = [*read_pages(memoryview(data), column)]
    plain = next(page.place for page in pages[1:] if page.unfolded > page.values)  # more than one byte a value
    start, end = pages[0].place, pages[0].place + column.total_compressed_size
    file.write_bytes(data[:start] + data[plain:end] + data[start:plain] + data[end:])
    old, offset = varint(column.data_page_offset), column.dictionary_page_offset
    patch(
        file, b"\x26" + old + b"\x26" + varint(offset), b"\x26" + varint(start, len(old)) + b"\x26" + varint(offset + 1)
    )
    sizes = [batch.nbytes for batch in read_batches(file, file.name)]
    assert max(sizes) <= most and sum(sizes) > 100 * len(entry)


def test_a_process_with_little_memory_refuses_bombs(tmp_path: Path) -> None:
    """Each with 600 MB of address space more than a process has after it has imported the reader."""
    file, big = tmp_path / "a.parquet", "x" * (20 * MEGABYTE)
    pq.write_table(
        pa.table({"answer": pa.DictionaryArray.from_arrays(pa.array([0] * 2000), pa.array([big]))}), file,
        compression="zstd",
    )  # fmt: skip
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from bench.datasets.own.arrow import read_parquet\n"
        "from bench.datasets import parquet\n"
        "from bench.errors import UserError\n"
        "held = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        f"resource.setrlimit(resource.RLIMIT_AS, (held + {600 * MEGABYTE},) * 2)\n"
        "try:\n    list(read_parquet(Path(sys.argv[1]), 'a.parquet'))\n"
        "except UserError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("a.parquet: it unfolds to")
