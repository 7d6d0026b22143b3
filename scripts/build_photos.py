"""Build `bench/datasets/photos/photos.parquet` from the Debian package gcompris-qt-data 3.1-2.

    apt-get download gcompris-qt-data=3.1-2
    dpkg-deb -x gcompris-qt-data_3.1-2_all.deb FOLDER
    python scripts/build_photos.py FOLDER

One row a photograph: file (in the package), title, kind, name, caption, subject, author, source, licence, and webp, at
most 128 px wide and high. Only those that the package's README files say are public domain or CC0 are taken.
`photos.csv` beside this script chooses among them (no drawings, nothing twice) and has our own kind, name and caption
of each, which a language model wrote from the pictures and no person checked: the package's texts are GPL and stay
there. Photographs of the very same thing share a `subject`, which is empty for all others.
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
    """Paths and contents of a Qt resource archive of format 2 or 3: a tree of names and a heap of data, big-endian."""
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
    """Copyright, License, Source of every file that a README lists, as file -> the fields of its paragraph."""
    for paragraph in re.split(r"\n\s*\n", readme):
        fields: dict[str, list[str]] = {}
        values: list[str] = []
        for line in paragraph.splitlines():
            if found := re.match(r"(\w+):\s*(.*)", line):
                values = fields.setdefault(found[1], [])
                line = found[2]
            if line.strip():
                values.append(line.strip())
        for file in fields.pop("Files", []):
            yield {"file": file, **{key: "; ".join(value) for key, value in fields.items()}}


def webp(content: bytes) -> bytes:
    """The picture at most SIZE pixels wide and high, on black where it is transparent."""
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture).convert("RGB")
    flat.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", quality=85, method=6)
    return buffer.getvalue()


def title(file: str) -> str:
    """Words of a file name: 'greatWallofChina.webp' -> 'great wallof china'."""
    return " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+", Path(file).stem)).lower()


def main(folder: Path) -> None:
    """Write the table; raises KeyError where `photos.csv` names a picture that is missing or not free."""
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
    for chosen in pd.read_csv(Path(__file__).with_name("photos.csv"), keep_default_na=False).to_dict("records"):
        entry = free[chosen["file"]]
        rows.append(
            {
                "file": chosen["file"],
                "title": title(chosen["file"]),
                **{key: chosen[key] for key in ("kind", "name", "caption", "subject")},
                "author": re.sub(r"(Copyright )?\d{4} ", "", entry["Copyright"]),
                "source": entry.get("Source") or entry["Comment"].split()[-1],
                "licence": FREE[entry["License"].lower()],
                "webp": webp(files[chosen["file"]]),
            }
        )
    table = pd.DataFrame(rows).sort_values("file", ignore_index=True)
    target = Path(__file__).parent.parent / "bench/datasets/photos/photos.parquet"
    table.to_parquet(target, compression="none")
    print(f"{len(table)} photographs, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
