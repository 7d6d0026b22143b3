"""Parquet files from elsewhere, read within a bound of memory: what unfolds to more is refused before or meanwhile."""

from typing import TYPE_CHECKING, Any

from bench.datasets.parquet_pages import read_pages

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 5 * 10**6
MAX_DECODED = 256 * 2**20
"""Bytes that a file may unfold to."""

BATCH = 64 * 1024
BATCH_BYTES = 16 * 2**20
"""Bytes of a column that are decoded at once."""


def read_bounded(content: bytes, schema: "pa.Schema") -> "pa.Table":
    """Return the table of a Parquet file of exactly this schema.

    Raises ValueError, with what is wrong in one line, where it is damaged, has other columns, or unfolds to too much.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.BufferReader(content)) as parquet:
            if not parquet.schema_arrow.equals(schema):
                raise ValueError("its columns are not those that this version of the suite writes")
            metadata = parquet.metadata
            groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
            sizes = [_measure(memoryview(content), group) for group in groups]
            rows, unfolded = sum(group.num_rows for group in groups), sum(pages for pages, _ in sizes)
            if max(rows, metadata.num_rows) > MAX_ROWS or unfolded > MAX_DECODED:
                raise _bomb(rows, unfolded)
            batches, unfolded = [], 0
            for number, (_, value) in enumerate(sizes):
                most = max(1, min(BATCH, BATCH_BYTES // max(1, value)))
                for batch in parquet.iter_batches(most, row_groups=[number], use_threads=False):
                    unfolded += batch.nbytes
                    if unfolded > MAX_DECODED:
                        raise _bomb(rows, unfolded)
                    batches.append(batch)
            return pa.Table.from_batches(batches, schema)
    except (pa.ArrowException, OSError, IndexError, OverflowError) as error:
        raise ValueError("it cannot be read as Parquet") from error


def _measure(content: memoryview, group: Any) -> tuple[int, int]:
    """Return the bytes of all pages of a row group, decompressed, and the most that one value of it can have.

    A value that is the number of a dictionary's entry is as large as the dictionary at most. Sizes are those that the
    pages name, because the metadata of a file can say anything.
    """
    pages = [page for number in range(group.num_columns) for page in read_pages(content, group.column(number))]
    return sum(page.unfolded for page in pages), max((page.unfolded for page in pages if page.is_dictionary), default=0)


def _bomb(rows: int, unfolded: int) -> ValueError:
    return ValueError(
        f"{rows} rows that unfold to {unfolded / 2**20:.0f} MB or more; allowed: {MAX_ROWS} rows and "
        f"{MAX_DECODED / 2**20:.0f} MB"
    )
