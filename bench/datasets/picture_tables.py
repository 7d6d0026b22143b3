"""Reading the committed Parquet files of pictures: one row a picture, encoded as PNG or WebP in one column."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image


def read_pictures(
    file: Path, texts: Sequence[str], picture: str, mode: str
) -> Iterator[tuple[dict[str, str], Image.Image]]:
    """Yield the `texts` columns of each row by name, and its `picture` column, decoded to a Pillow mode."""
    table = pd.read_parquet(file)
    for *cells, data in table[[*texts, picture]].to_numpy().tolist():
        yield dict(zip(texts, cells, strict=True)), Image.open(io.BytesIO(data)).convert(mode)
