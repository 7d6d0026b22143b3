"""The script that made the photographs reads Qt archives and README files as they are."""

import importlib.util
import io
import struct
import zlib
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.datasets.photos.photographs import photographs

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_photos", ROOT / "scripts" / "build_photos.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive(files: dict[str, bytes], packed: bool) -> bytes:
    """A Qt resource archive, format 3, of files in one folder `a`, as rcc lays it out."""
    heap, names, nodes = b"", b"", []

    def named(text: str) -> int:
        nonlocal names
        at = len(names)
        names += struct.pack(">HI", len(text), 0) + text.encode("utf-16-be")
        return at

    nodes.append(struct.pack(">IHIIQ", named(""), 2, 1, 1, 0))
    nodes.append(struct.pack(">IHIIQ", named("a"), 2, len(files), 2, 0))
    for name, content in files.items():
        body = struct.pack(">I", len(content)) + zlib.compress(content) if packed else content
        nodes.append(struct.pack(">IHHHIQ", named(name), int(packed), 0, 0, len(heap), 0))
        heap += struct.pack(">I", len(body)) + body
    tree = b"".join(nodes)
    head = 24
    return (
        struct.pack(">4s5I", b"qres", 3, head, head + len(tree), head + len(tree) + len(heap), 0) + tree + heap + names
    )


@given(st.dictionaries(st.text(st.characters(codec="utf-16-be"), min_size=1, max_size=9), st.binary()), st.booleans())
def test_an_archive_comes_apart_as_it_was_put_together(
    script: ModuleType, files: dict[str, bytes], packed: bool
) -> None:
    whole = {name: content for name, content in files.items() if "/" not in name and max(name) < "\U00010000"}
    assert dict(script.unpack(archive(whole, packed))) == {f"a/{name}": content for name, content in whole.items()}


def test_what_is_no_archive_is_refused(script: ModuleType) -> None:
    with pytest.raises(ValueError, match="no Qt resource archive"):
        list(script.unpack(b"PK\x03\x04" + bytes(40)))


def test_a_readme_gives_every_file_its_paragraph(script: ModuleType) -> None:
    readme = (
        "Copyright: A. Author\nSource: https://a.example/File:A.jpg\nLicense: Public Domain\nFiles:\na.webp\nb.webp\n"
        "\n\nFiles: c.webp\nLicense: CC-BY-SA-4.0\nCopyright:\n  2001 B\n  2018 C\n"
    )
    first = {"Copyright": "A. Author", "Source": "https://a.example/File:A.jpg", "License": "Public Domain"}
    assert list(script.credits(readme)) == [
        {"file": "a.webp", **first},
        {"file": "b.webp", **first},
        {"file": "c.webp", "License": "CC-BY-SA-4.0", "Copyright": "2001 B; 2018 C"},
    ]


def test_a_picture_is_made_small_and_flat(script: ModuleType) -> None:
    buffer = io.BytesIO()
    picture = Image.new("RGBA", (512, 256), (0, 0, 0, 0))
    picture.paste((250, 10, 10, 255), (256, 0, 512, 256))
    picture.save(buffer, "PNG")
    small = Image.open(io.BytesIO(script.encode_webp(buffer.getvalue())))
    assert small.size == (128, 64)
    assert small.mode == "RGB"
    assert max(small.getpixel((20, 30))) < 12
    assert small.getpixel((100, 30))[0] > 230


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("usa/mountRushmore.webp", "mount rushmore"),
        ("fish12.webp", "fish"),
        ("polar_bear.webp", "polar bear"),
        ("QueenAngel.webp", "queen angel"),
    ],
)
def test_titles_are_file_names_in_words(script: ModuleType, file: str, title: str) -> None:
    assert script.title(file) == title


def test_the_choice_beside_the_script_is_what_the_table_has(script: ModuleType) -> None:
    chosen = pd.read_csv(ROOT / "scripts" / "photos.csv", keep_default_na=False).set_index("file")
    assert set(chosen.index) == {photo.file for photo in photographs()}
    for photo in photographs():
        row = chosen.loc[photo.file]
        assert (row["kind"], row["name"], row["caption"], row["subject"]) == photo[2:6]
        assert script.title(photo.file) == photo.title
