"""Build `bench/datasets/photos/photos.parquet` from the Debian package gcompris-qt-data 3.1-2.

    apt-get download gcompris-qt-data=3.1-2
    dpkg-deb -x gcompris-qt-data_3.1-2_all.deb FOLDER
    python scripts/build_photos.py FOLDER

One row for each photograph: file (in the package), title, kind, name, caption, subject, author, source, licence, and
webp, at most 128 px wide and high. Only photographs that the package's README files call public domain or CC0 are used.
`photos.csv` next to this script selects some of them (no drawings, nothing twice) and has our own kind, name and
caption of each. A language model wrote these from the pictures, and no person checked them; the package's own texts are
GPL and are not copied. Photographs of the very same thing share a `subject`, which is empty for all others.
"""

import io
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from PIL import Image

SIZE = 128
ACTIVITIES = "gcompris/src/activities/"
ARCHIVES = (
    "categorization",
    "clickgame",
    "erase",
    "explore_farm_animals",
    "explore_monuments",
    "explore_world_animals",
    "explore_world_music",
    "solar_system",
)
FREE = {"public domain": "Public domain", "cc0-1.0": "CC0-1.0"}


def unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and contents in a Qt resource archive of format 2 or 3: a big-endian tree of names and a heap."""
    magic, version, tree, heap, names = struct.unpack_from(">4s4I", data)
    if magic != b"qres" or version not in {2, 3}:
        raise ValueError(f"no Qt resource archive of format 2 or 3: {data[:8]!r}")

    def walk(index: int, above: str) -> Iterator[tuple[str, bytes]]:
        node = tree + 22 * index
        name_at, flags, first, second = struct.unpack_from(">IHII", data, node)
        (length,) = struct.unpack_from(">H", data, names + name_at)
        name = data[names + name_at + 6 :][: 2 * length].decode("utf-16-be") if index else ""
        path = f"{above}/{name}" if above else name
        if flags & 2:
            for child in range(second, second + first):
                yield from walk(child, path)
            return
        (size,) = struct.unpack_from(">I", data, heap + second)
        content = data[heap + second + 4 :][:size]
        yield path, zlib.decompress(content[4:]) if flags & 1 else content

    yield from walk(0, "")


def credits(readme: str) -> Iterator[dict[str, str]]:
    """Yield the fields of every file that a README lists: `file`, and Copyright, License, Source of its paragraph."""
    for paragraph in re.split(r"\n\s*\n", readme):
        fields: dict[str, list[str]] = {}
        values: list[str] = []
        for line in paragraph.splitlines():
            field = re.match(r"(\w+):\s*(.*)", line)
            if field:
                values = fields.setdefault(field[1], [])
                line = field[2]
            if line.strip():
                values.append(line.strip())
        for file in fields.pop("Files", []):
            yield {"file": file, **{key: "; ".join(value) for key, value in fields.items()}}


def encode_webp(content: bytes) -> bytes:
    """Return the picture as a WebP file, at most SIZE pixels wide and high, with black behind transparency."""
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture).convert("RGB")
    flat.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", quality=85, method=6)
    return buffer.getvalue()


def title(file: str) -> str:
    """Return the words of a file name: 'greatWallofChina.webp' gives 'great wallof china'."""
    return " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+", Path(file).stem)).lower()


def main(folder: Path) -> None:
    """Write the table. Raises KeyError if `photos.csv` names a picture that is missing or not free."""
    files = {
        path.removeprefix(ACTIVITIES): content
        for archive in ARCHIVES
        for path, content in unpack((folder / f"usr/share/gcompris-qt/rcc/{archive}.rcc").read_bytes())
    }
    free: dict[str, dict[str, str]] = {}
    for path, content in files.items():
        if Path(path).name == "README":
            for entry in credits(content.decode()):
                if entry.get("License", "").lower() in FREE:
                    free[str(Path(path).parent / entry["file"])] = entry
    rows = []
    for row in pd.read_csv(Path(__file__).with_name("photos.csv"), keep_default_na=False).to_dict("records"):
        entry = free[row["file"]]
        rows.append(
            {
                "file": row["file"],
                "title": title(row["file"]),
                **{key: row[key] for key in ("kind", "name", "caption", "subject")},
                "author": re.sub(r"(Copyright )?\d{4} ", "", entry["Copyright"]),
                "source": entry.get("Source") or entry["Comment"].split()[-1],
                "licence": FREE[entry["License"].lower()],
                "webp": encode_webp(files[row["file"]]),
            }
        )
    table = pd.DataFrame(rows).sort_values("file", ignore_index=True)
    target = Path(__file__).parent.parent / "bench/datasets/photos/photos.parquet"
    table.to_parquet(target, compression="none")
    print(f"{len(table)} photographs, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
