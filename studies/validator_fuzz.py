"""Damage valid submissions of every kind, and count what the validator says: valid, one line, or a fault of its own.

    python -m studies.validator_fuzz              # 100,000 submissions, seed 0
    python -m studies.validator_fuzz 1000 7       # so many, with another seed

Damaged are the bytes of the YAML, its values and its structure, the code, the texts, checksums and pictures of a
release, and names and kinds of files. A fault is any exception but UserError, and any line that is long or not
printable. Each is printed with the number of its input: `python -m studies.validator_fuzz 1 SEED NUMBER` is that one.
"""

import copy
import hashlib
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from bench.errors import UserError
from bench.game.submissions.files import sum_release
from bench.game.submissions.played import identify
from bench.game.submissions.read import NAME, read_submission
from bench.game.submissions.version1 import Submission
from bench.samples import Sample, SampleSet

WITH_CODE = ("code", "attack with code")
COUNT, LONGEST = 100_000, 2000

CODE = b'"""A defense."""\n\nfrom defenses.base import Defense\n\n\nclass Mine(Defense):\n    x = {1: (2, [3])}\n'
HEAD = {"version": 2, "title": "A title", "authors": ["A", "B"], "licence": "MIT", "claims": ["it holds"]}
ORIGIN = {"dataset": "emoji_smoke", "threat": "black", "surrogates": [], "budget": {"epsilon": 8, "words": 5}}
KINDS: dict[str, dict[str, Any]] = {
    "configured": {**HEAD, "kind": "configured", "defense": {"name": "em", "options": {"rounds": 2}}},
    "code": {**HEAD, "kind": "code", "file": "mine.py", "sha256": "", "options": {"share": 0.5}},
    "release": {**HEAD, "kind": "release", "made_for": ORIGIN},
    "attack": {**HEAD, "kind": "attack", "attack": "lora_sft+jpeg(quality=30)", "breaks": [{"name": "em"}]},
    "attack with code": {
        **{**HEAD, "kind": "attack", "attack": "lora_sft+mine(level=2)+jpeg(quality=30)", "breaks": [{"name": "em"}]},
        **{"file": "mine.py", "sha256": ""},
    },
    "version 1": {
        **{"version": 1, "title": "A title", "authors": ["A"], "defense": {"name": "mmguard"}},
        **{"victims": ["tiny-llava-a"], "threats": ["white", "black"], "seeds": [0, 1]},
    },
}
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 3, 2**31, 10**39, 10**400, 0.5, -0.0, 1e-9, 1e308, "", " ", "x", "em", "none",
    "yes", "010", "1:30", ".nan", "~", "2026-02-01", "\x1b[31m", "\u202e", "\ud800", "\0", "\n", "a" * 70_000,
    "../x", "/etc/passwd", "https://a", "release_0123456789abcdef", "code_0123456789abcdef", "configured", "attack",
    "lora_sft", "lora_sft(", "lora_sft+jpeg+jpeg", "lora_sft+jpeg(quality=1e999)", "tiny-llava-a@4bit",
    [], [[]], [None], [0] * 200, {}, {"": {}},
    {"a": [1]}, {"name": "em", "options": {"rounds": 0}}, {"epsilon": 255, "words": 64},
]  # fmt: skip
PIECES = [
    b"&a ", b"*a", b"!!int ", b"<<: ", b"---\n", b"...\n", b"%YAML 1.1\n", b"\t", b"\0", b"\r", b"\n", b"? ", b"- ",
    b": ", b"[", b"]", b"{", b"}", b"'", b'"', b"|\n", b"#", b"\xff", b"\xef\xbb\xbf", b'"\\ud800"', b"9" * 5000,
    b"[" * 99, b"IHDR", b"IEND", b"\x89PNG\r\n\x1a\n", b"null", b"NaN", b"1e999", b'"answer": "x", ',
    b"images/", b"../", b"def ",
]  # fmt: skip
Files = dict[str, bytes]


def main(count: int = COUNT, seed: int = 0, only: int | None = None) -> Counter[str]:
    """Check `count` damaged submissions and print the outcomes; with `only`, the one of that number."""
    outcomes: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
        whole = make_release(Path(place, "whole"))
        for number in range(count) if only is None else [only]:
            outcomes[check(Path(place, "entry"), whole, np.random.default_rng([seed, number]), number)] += 1
    print(f"{sum(outcomes.values())} inputs in {time.monotonic() - started:.0f} s: ", dict(outcomes.most_common()))
    return outcomes


def make_release(folder: Path) -> Files:
    """Return the files of a release of two samples."""
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    samples = (Sample(f"s{n}", f"p{n}", pixels + np.uint8(n), "What is it?", "bus") for n in range(2))
    SampleSet(tuple(samples)).save(folder / "release")
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return {**files, "SHA256SUMS": sum_release(folder).encode()}


def check(folder: Path, whole: Files, rng: Generator, number: int) -> str:
    """Return the outcome of one damaged submission, and print a fault."""
    kind = str(rng.choice(list(KINDS)))
    way = rng.choice(["bytes", "values", "files"] if kind in (*WITH_CODE, "release") else ["bytes", "values"])
    shutil.rmtree(folder, ignore_errors=True)
    try:
        write(folder, kind, str(way), whole, rng)
    except (OSError, ValueError):  # a name that no file can have
        return "cannot be written"
    try:
        entry = read_submission(folder / NAME)
        if not isinstance(entry, Submission):
            identify(entry, folder / NAME)
    except UserError as error:
        line = str(error)
        if line.isprintable() and 0 < len(line) < LONGEST:
            return "refused in one line"
        print(f"FAULT {number}: {kind}, {way}: a line of {len(line)} characters: {ascii(line)[:300]}", flush=True)
        return "fault"
    except Exception:
        print(f"FAULT {number}: {kind}, {way}: {traceback.format_exc()}", flush=True)
        return "fault"
    return "valid"


def write(folder: Path, kind: str, way: str, whole: Files, rng: Generator) -> None:
    """Write a submission that is damaged in one way, with checksums that fit where the damage is elsewhere."""
    content, files = copy.deepcopy(KINDS[kind]), dict(whole) if kind == "release" else {}
    if kind in WITH_CODE:
        files["mine.py"] = CODE
    folder.mkdir()
    if way == "files":
        files = damage_files(files, folder, rng)
    if kind in WITH_CODE:
        content["sha256"] = hashlib.sha256(files.get("mine.py", b"")).hexdigest()
    if way == "values":
        for _ in range(rng.integers(1, 4)):
            damage_values(content, rng)
    text = json.dumps(content, indent=int(rng.integers(0, 3)) or None).encode()
    (folder / NAME).write_bytes(damage_bytes(text, rng) if way == "bytes" else text)
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def damage_values(content: dict[str, Any], rng: Generator) -> None:
    """Replace, remove, add, double or rename a value at a random depth."""
    node: Any = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.7:
            node = node[key]
            continue
        break
    value = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    deed = rng.integers(4)
    if deed == 0:
        del node[key]
    elif deed == 1 and isinstance(node, dict):
        node[str(VALUES[rng.integers(len(VALUES))])[:50]] = value
    elif deed == 2 and isinstance(node, list):
        node.append(value)
    else:
        node[key] = value


def damage_bytes(content: bytes, rng: Generator) -> bytes:
    """Cut, double, move or replace parts of a text, one to six times."""
    for _ in range(rng.integers(1, 7)):
        start = int(rng.integers(len(content) + 1))
        end = min(len(content), start + int(rng.choice((0, 1, 4, 40))))
        part, rest = content[start:end], content[:start] + content[end:]
        other = int(rng.integers(len(rest) + 1))
        new: Callable[[], bytes] = [
            lambda: b"", lambda p=part: p * 3, lambda: PIECES[rng.integers(len(PIECES))],
            lambda: bytes(rng.integers(0, 256, 1, np.uint8)), lambda p=part, r=rest, o=other: r[:o] + p + r[o:],
        ][deed := int(rng.integers(5))]  # fmt: skip
        content = new() if deed == 4 else content[:start] + new() + content[end:]
    return content


def damage_files(files: Files, folder: Path, rng: Generator) -> Files:
    """Damage, rename, remove or link one of the files, and renew the checksums in three of four cases."""
    name = str(rng.choice(sorted(files)))
    deed = int(rng.integers(8))
    if deed <= 4:
        files[name] = damage_bytes(files[name], rng)
    elif deed == 5:
        files[
            damage_bytes(name.encode(), rng).decode(errors="surrogateescape")[:200].replace("..", "x").lstrip("/")
        ] = files.pop(name)
    elif deed == 6:
        del files[name]
    else:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to("/dev/zero" if rng.random() < 0.5 else "/etc/hostname")
        del files[name]
    if "SHA256SUMS" in files and name != "SHA256SUMS" and rng.random() < 0.75:
        sums = {place: hashlib.sha256(data).hexdigest() for place, data in files.items() if place != "SHA256SUMS"}
        files["SHA256SUMS"] = "".join(f"{sums[place]}  {place}\n" for place in sums).encode(errors="surrogateescape")
    return files


if __name__ == "__main__":
    arguments = [int(text) for text in sys.argv[1:]]
    sys.exit(1 if main(*arguments)["fault"] else 0)
