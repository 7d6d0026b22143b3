"""Picture files as people have them, each as the picture of one row of a plain folder."""

import io
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.corpus.own_folders import PICTURES, READ, Case, changed, lines, one_file, parquet, png, rows, text

LEVELS = np.arange(400, dtype=np.uint16).reshape(20, 20)
COLOURS = np.random.default_rng(3).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def moving(form: str) -> bytes:
    frames = [Image.fromarray(np.full((20, 24, 3), level, np.uint8)) for level in (40, 200)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:])


def transparent_palette() -> bytes:
    picture = Image.fromarray(COLOURS).quantize(16)
    return encoded(picture, "PNG", transparency=3)


def upright() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(COLOURS), "JPEG", exif=exif)


def deep_colours(highest: int) -> bytes:
    """Write a TIFF of 16 bits and three channels, which Pillow reads but does not write."""
    body = (np.arange(20 * 20 * 3, dtype="<u2") * (highest // 1200)).tobytes()
    tags = [(256, 4, 20), (257, 4, 20), (258, 3, 0), (259, 3, 1), (262, 3, 2), (273, 4, 0), (277, 3, 3), (278, 4, 20)]
    tags.append((279, 4, len(body)))
    start = 8 + 2 + 12 * len(tags) + 4
    places = {258: start, 273: start + 6}
    entries = b"".join(
        struct.pack("<HHII", tag, kind, 3 if tag == 258 else 1, places.get(tag, value)) for tag, kind, value in tags
    )
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + struct.pack("<3H", 16, 16, 16) + body


def replaced(make: Callable[[Path], object]) -> Any:
    """Write the plain rows with something else than a file in the place of the picture of row 4."""

    def write(place: Path) -> Path:
        lines(rows())(place)
        (place / "3.png").unlink()
        make(place / "3.png")
        return place

    return write


def outside(file: Path) -> None:
    (file.parent.parent / "secret.png").write_bytes(PICTURES[0])
    file.symlink_to("../secret.png")


def named(name: str) -> Any:
    """Write the plain rows with another name of the picture in row 4."""
    return lines([{**row, "file_name": name} if n == 3 else row for n, row in enumerate(rows())])


NO_FILE = "there is no such file"
LEAVES = "it leaves the folder"
FOUND = "row 4: picture"

CASES = [
    Case("cmyk", changed(3, encoded(Image.fromarray(COLOURS).convert("CMYK"), "JPEG")), 0, READ),
    Case("gray_with_alpha", changed(3, encoded(Image.fromarray(COLOURS).convert("LA"), "PNG")), 0, READ),
    Case("palette_with_alpha", changed(3, transparent_palette()), 0, READ),
    Case("one_bit", changed(3, encoded(Image.fromarray(COLOURS).convert("1"), "PNG")), 0, READ),
    Case("moving_gif", changed(3, moving("GIF")), 0, READ),
    Case("moving_webp", changed(3, moving("WEBP")), 0, READ),
    Case("exif_orientation", changed(3, upright()), 0, READ),
    Case("bmp_named_png", changed(3, encoded(Image.fromarray(COLOURS), "BMP")), 0, READ),
    Case("sixteen_bits", changed(3, png(LEVELS * 160)), 0, READ),
    Case("twelve_bits_of_gray", changed(3, png(LEVELS * 10)), 2, "16 bits with levels up to 3990 of 65535"),
    Case("sixteen_bits_of_colour", changed(3, deep_colours(65535)), 0, READ),
    Case("twelve_bits_of_colour", changed(3, deep_colours(4095)), 2, "16 bits with levels up to"),
    Case("thirty_two_bits", changed(3, encoded(Image.fromarray(LEVELS.astype(np.int32)), "TIFF")), 2, FOUND),
    Case("decimals_as_levels", changed(3, encoded(Image.fromarray(LEVELS / np.float32(400)), "TIFF")), 2, FOUND),
    Case("truncated_png", changed(3, PICTURES[3][:-60]), 2, "damaged picture"),
    Case("truncated_jpeg", changed(3, upright()[:-90]), 2, "damaged picture"),
    Case("empty_file", changed(3, b""), 2, "0 bytes; allowed: 1 to"),
    Case("html_as_picture", changed(3, b"<html>404</html>"), 2, "no picture that can be read"),
    Case("huge_picture", changed(3, encoded(Image.new("1", (40_000, 40_000)), "PNG")), 2, "pixels; allowed"),
    *(
        Case(f"sides_of_{width}_and_{height}", changed(3, png(np.full((height, width, 3), 9, np.uint8))), 0, READ)
        for width, height in ((1, 1), (1, 40), (40, 1), (5, 5), (6, 600))
    ),
    Case("strip", changed(3, png(np.zeros((7, 900, 3), np.uint8))), 2, "900x7 pixels; allowed: sides up to 100 to 1"),
    Case("link_out", replaced(outside), 2, LEAVES),
    Case("link_in_a_circle", replaced(lambda file: file.symlink_to("3.png")), 2, NO_FILE),
    Case("link_inside", replaced(lambda file: file.symlink_to("4.png")), 0, READ),
    Case("device", replaced(lambda file: file.symlink_to("/dev/zero")), 2, LEAVES),
    Case("pipe", replaced(os.mkfifo), 2, NO_FILE),
    Case("folder_as_picture", replaced(Path.mkdir), 2, NO_FILE),
    Case("dots", named("../0.png"), 2, LEAVES),
    Case("absolute", named("/etc/hostname"), 2, LEAVES),
    Case("address", named("https://example.org/0.png"), 2, NO_FILE),
    Case("zero_in_a_name", named("0\0.png"), 2, NO_FILE),
    Case("long_name", named("x" * 3000), 2, NO_FILE),
    Case("path_in_parquet", parquet(image=lambda n: {"bytes": None, "path": "../../secret.png"}), 2, LEAVES),
    Case("text_in_parquet", parquet(image=lambda n: b"no picture"), 2, "no picture that can be read"),
    Case("windows_lines", text("file_name,question,answer\r\n" + "".join(
        f'{n}.png,"Which, ""this""?",thing {n}\r\n' for n in range(len(PICTURES))), "metadata.csv"), 0, READ),
    Case("byte_order_mark", text("\ufefffile_name,question,answer\n" + "".join(
        f"{n}.png,Which?,thing {n}\n" for n in range(len(PICTURES))), "metadata.csv"), 0, READ),
    Case("zero_in_a_table", text("file_name,question,answer\n" + "".join(
        f"{n}.png,Wh\0ich?,thing {n}\n" for n in range(len(PICTURES))), "metadata.csv"), 2, "control character"),
    Case("line_ends_of_unicode", text("".join(
        json.dumps({"file_name": f"{n}.png", "question": "a\u2028b\x85c\x0bd", "answer": f"نعم 😀 {n}"}) + "\n"
        for n in range(len(PICTURES))), "metadata.jsonl"), 0, READ),
    Case("deep_json", text("[" * 100_000, "metadata.json"), 2, "nested too deeply"),
    Case("endless_quote", text('file_name,question,answer\n0.png,"Which?,a\n' + "1.png,b,c\n" * 20, "metadata.csv"),
         2, "a quote that is never closed"),
    Case("cell_of_a_megabyte", text("file_name,question,answer\n0.png,Which?," + "x" * 2**20 + "\n", "metadata.csv"),
         2, "a line of more than"),
    Case("saved_as_a_file", one_file(text("{}", "state.json"), "state.json"), 2, "an object with no keys"),
]  # fmt: skip
