"""Protect 200 mixed pictures with a model, kill the work on its way, and compare: python -m studies.mixed_folder RCC

RCC is the folder /usr/share/gcompris-qt/rcc of Debian's package gcompris-qt-data. The folder that is protected holds
its photographs as they are and in every other form that an owner has, files that cannot be protected, and one picture
of 30 megapixels. The command is killed with SIGKILL a few times, at moments that a seed decides, goes on each time, and
its files are compared with those of a run that nobody disturbed. `bench audit` has the last word.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import typer
from PIL import ExifTags, Image

from bench.errors import printable
from bench.owner.audit import audit
from bench.spec import Budget
from scripts.build_photos import ARCHIVES, unpack

PHOTOS, LARGE = 150, (5000, 6000)
"""Photographs that stay as they are; width and height of the largest picture."""

ODD = (
    "two words.png",
    "-rf.png",
    "line\nbreak.png",
    "Ünï çødé 画.png",
    "\u202egpj.png",
    "ENDING.PNG",
    "none",
    "a'b\".png",
)
"""Names of files that programs stumble over."""

CHEAP = ("--defense", "em", "-o", "rounds=1", "-o", "image_steps=1", "-o", "inner_steps=1", "--chunk", "16")


def encode(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the bytes of a picture file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def read_photos(folder: Path) -> list[bytes]:
    """Return the package's photographs, in a random order that is always the same."""
    found = dict(item for name in ARCHIVES for item in unpack((folder / f"{name}.rcc").read_bytes()))
    photos = [found[name] for name in sorted(found) if name.endswith((".webp", ".png", ".jpg"))]
    different = list(dict.fromkeys(photos))
    return [different[i] for i in np.random.default_rng(0).permutation(len(different))]


def draw_others(photos: list[bytes]) -> dict[str, bytes]:
    """Return files of every other kind, made of photographs, by their names."""
    pictures = [Image.open(io.BytesIO(data)).convert("RGB").resize((160, 120)) for data in photos]
    files = {}
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = turn
        files[f"turned/{turn}.jpg"] = encode(pictures[turn], "JPEG", exif=exif, quality=90)
    for i, picture in enumerate(pictures[10:14]):
        clear = picture.copy()
        clear.putalpha(picture.convert("L"))
        files |= {f"alpha/{i}.png": encode(clear, "PNG"), f"alpha/{i}.tif": encode(clear, "TIFF")}
        files[f"cmyk/{i}.jpg"] = encode(picture.convert("CMYK"), "JPEG")
        files[f"grey/{i}.png"] = encode(picture.convert("L"), "PNG")
        levels = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        files[f"deep/{i}.png"] = encode(Image.fromarray(levels), "PNG")
        files[f"palette/{i}.gif"] = encode(picture.quantize(64), "GIF")
        files[f"progressive/{i}.JPG"] = encode(picture, "JPEG", progressive=True)
    frames = [picture.quantize(64) for picture in pictures[14:17]]
    files["moving.gif"] = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    files["moving.webp"] = encode(pictures[14], "WEBP", save_all=True, append_images=pictures[15:17])
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")):
        whole = encode(pictures[18], kind)
        files[f"truncated.{ending}"] = whole[: len(whole) // 2]
    files |= {"empty.jpg": b"", "text.png": b"no picture"}
    files |= {f"odd/{name}": encode(picture, "PNG") for name, picture in zip(ODD, pictures[20:28], strict=True)}
    return {**files, "large.jpg": encode(pictures[30].resize(LARGE), "JPEG", quality=85)}


def write_folder(folder: Path, photos: list[bytes]) -> list[str]:
    """Write the pictures, a question about each, and what else lies in such a folder; return the names of pictures."""
    files = {f"photos/{i}.webp": data for i, data in enumerate(photos[-PHOTOS:])} | draw_others(photos)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    rows = [{"file_name": name, "question": "What is it?", "answer": f"thing {i % 9}"} for i, name in enumerate(files)]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "circle").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")
    return list(files)


def hash_files(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder, by its path in it."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def list_times(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the mode of every file below a folder, and the time of its last change."""
    facts = {str(file): file.lstat() for file in folder.rglob("*")}
    return {name: (fact.st_mode, fact.st_mtime_ns) for name, fact in facts.items()}


def protect(mine: Path, out: Path) -> list[str]:
    """Return the command line of `bench protect`."""
    return [sys.executable, "-m", "bench.cli.main", "protect", str(mine), "--out", str(out), *CHEAP]


def run_killed(command: list[str], seconds: list[float]) -> int:
    """Run a command that is killed after each of these seconds, and then to its end; return its exit code."""
    for each in seconds:
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            time.sleep(each)
            process.kill()
    return subprocess.run(command, capture_output=True, check=False).returncode


def report_of(out: Path) -> Path:
    """Return the folder of the report."""
    return out.with_name(f"{out.name}.report")


def find_lost(names: list[str], report: Path) -> list[str]:
    """Return the pictures that are neither protected nor named in a report."""
    lines = (report / "pictures.jsonl").read_text(encoding="utf-8").splitlines()
    known = {name for line in lines for name in json.loads(line)["files"]}
    known |= {left["name"] for left in json.loads((report / "report.json").read_text(encoding="utf-8"))["left_out"]}
    return [name for name in names if not {name, printable(name)} & known]


def main(rcc: Path, kills: int = 3) -> None:
    """Print what became of the pictures. The exit code is 1 where something was lost, or a killed run differs."""
    with tempfile.TemporaryDirectory(prefix="bench-mixed-") as place:
        mine, whole, killed = (Path(place, name) for name in ("mine", "whole", "killed"))
        names = write_folder(mine, read_photos(rcc))
        before = hash_files(mine), list_times(mine)
        start = time.monotonic()
        codes = [run_killed(protect(mine, whole), [])]
        seconds = time.monotonic() - start
        shares = np.random.default_rng(0).uniform(0.1, 0.4, kills)
        codes.append(run_killed(protect(mine, killed), list(shares * seconds)))
        report = json.loads((report_of(whole) / "report.json").read_text(encoding="utf-8"))
        print(f"{len(names)} pictures: {report['pictures']} protected in {seconds:.0f} s")
        print("\n".join(f"  {left['name']}: {left['reason']}" for left in report["left_out"]))
        pairs = (whole, killed), (report_of(whole), report_of(killed))
        outcome = {
            "every picture is protected or named": not find_lost(names, report_of(whole)),
            "killed and gone on, it ends in the same bytes": all(hash_files(a) == hash_files(b) for a, b in pairs),
            "the exit codes say that something was left out": codes == [1, 1],
            "bench audit finds it within budget": audit(mine, whole, Budget())["within"],
            "the source is as it was": (hash_files(mine), list_times(mine)) == before,
        }
    print("\n".join(f"{'yes' if holds else 'NO'}: {what}" for what, holds in outcome.items()))
    raise typer.Exit(0 if all(outcome.values()) else 1)


if __name__ == "__main__":
    typer.run(main)
