"""Write a submission to begin with, which is valid as it is, and renew its checksums after a change."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import datasets
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError, show, unknown_name
from bench.game.submissions.files import FOLDER, MAX_CODE, SUMS, read_file, sum_release
from bench.game.submissions.read import NAME, errors_at, locate, read_submission
from bench.game.submissions.schema import KINDS, Attack, Code, Release

ALLOWED = re.compile(r"[a-z][a-z0-9-]{0,59}")
"""Names of submissions."""

COMMON = """\
{schema}version: 2
kind: {kind}
title: {name}, in one line for the leaderboard
authors: [Your Name]
licence: CC-BY-4.0          # of what you send
# paper: where the method is described
# repository: https://example.org/code
# claims: [a sentence for each thing that you say it does]
"""

FIELDS = {
    "configured": """
defense:
  name: em                  # a name of `bench list`
  options: {{rounds: 2}}      # those that differ from their defaults
""",
    "code": """
file: {module}.py
sha256: {sha256}    # after each change of the file: bench submit sums
options: {{}}                 # those that differ from their defaults
""",
    "release": """
# The folder `release` has the clean training samples. Change the pictures in place, within `budget`, and insert words
# into questions of metadata.jsonl. Answers, ids, order and picture sizes stay. Then: bench submit sums
made_for:
  dataset: {dataset}
  threat: black             # what you knew of the victim: white, gray or black
  surrogates: []            # the models that you used, by their names in `bench victims list`
  budget: {{epsilon: 8, words: 5}}
""",
    "attack": """
attack: {attack}     # a tuner and parts of `bench list`
{code}breaks:                               # the defenses that it is played against
  - {{name: em}}
""",
}

CODE = '''"""Noise on every picture: a working defense, whose method you replace by your own."""

import numpy as np
from pydantic import Field

from bench.samples import SampleSet
from bench.spec import Options
from defenses.base import Card, Defense, Protected


class NoiseOptions(Options):
    """The strength of the noise."""

    share: float = Field(1.0, gt=0, le=1, description="levels over those of the budget")


class Noise(Defense[NoiseOptions]):
    """Noise on every picture, within the budget."""

    card = Card(paper="yours", needs="nothing", touches="pictures", adaptation="none", validation="none yet")
    depends = frozenset({"budget", "seed"})  # add "surrogates" if you use the models

    def protect(self, samples, surrogates, budget, rng, progress):
        """Return the samples to publish. Pixels are (H, W, 3) uint8; every random choice comes from `rng`."""
        reach = int(self.options.share * budget.epsilon)
        pictures = {}
        for sample in samples:  # samples that share an image_id share a picture
            if sample.image_id not in pictures:
                noise = rng.integers(-reach, reach + 1, sample.pixels.shape)
                pictures[sample.image_id] = np.clip(sample.pixels + noise, 0, 255).astype(np.uint8)
        released = (s.with_release(pictures[s.image_id], s.question) for s in samples)
        return Protected(SampleSet(tuple(released)))
'''

PART = '''"""Blur against noise: a working part of an attack, whose method you replace by your own."""

import numpy as np
from PIL import Image, ImageFilter
from pydantic import Field

from attacks.parts import AttackCard, Purify
from bench.spec import Options


class BlurOptions(Options):
    """The strength of the blur."""

    radius: float = Field(1.0, gt=0, le=8, description="pixels")


class Blur(Purify[BlurOptions]):
    """Blur every picture before training."""

    card = AttackCard("K1", 1.0, "noise of a few levels", "yours")

    def purify(self, pixels, rng):
        """Return the picture to train on. Both are (H, W, 3) uint8; every random choice comes from `rng`."""
        blurred = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(self.options.radius))
        return np.asarray(blurred)
'''

WITH_FILE = """\
file: {module}.py                     # the part `{module}` of the attack; after each change: bench submit sums
sha256: {sha256}
"""


def scaffold(kind: str, name: str, parent: Path, dataset: str, *, code: bool = False) -> Path:
    """Write a valid submission of a kind into the folder `name` of `parent`, and return that folder.

    dataset: what a release is made for. code: an attack has a part of its own, in a file. Raises UserError for a wrong
    name, and for a folder that is there already.
    """
    if kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    if not ALLOWED.fullmatch(name):
        raise UserError(f"name: {show(name)}; allowed: a-z, 0-9 and -, at most 60, a letter first")
    if dataset not in EMBEDDED and dataset not in HUB:
        raise unknown_name("dataset", dataset, [*EMBEDDED, *HUB])
    folder = parent / name
    if os.path.lexists(folder):
        raise UserError(f"name: {show(folder)} is there already; allowed: a new folder")
    if code and kind != "attack":
        raise UserError(f"code: with the kind {kind}; allowed: with the kind attack alone")
    module, python = name.replace("-", "_"), PART if code else CODE if kind == "code" else ""
    facts = {"module": module, "sha256": hashlib.sha256(python.encode()).hexdigest()}
    text = (COMMON + FIELDS[kind]).format(
        schema=_schema_line(folder),
        kind=kind,
        name=name,
        dataset=dataset,
        attack=f"lora_sft+{module}" if code else "lora_sft+jpeg(quality=30)",
        code=WITH_FILE.format(**facts) if code else "",
        **facts,
    )

    def fill(draft: Path) -> None:
        draft.mkdir()
        (draft / NAME).write_text(text, encoding="utf-8")
        if python:
            (draft / f"{module}.py").write_text(python, encoding="utf-8")
        if kind == "release":
            datasets.load(dataset, "train").save(draft / FOLDER)
            (draft / SUMS).write_text(sum_release(draft), encoding="utf-8")

    try:
        parent.mkdir(parents=True, exist_ok=True)
        _write_whole(folder, fill)
    except OSError as error:
        raise UserError(f"to: {show(parent)}: {error.strerror}; allowed: a folder that can be written to") from None
    return folder


def renew_sums(place: Path) -> Path:
    """Write the checksums of a submission's files anew, and return the file that has them.

    Raises UserError for files that no submission may have, and for a kind without files.
    """
    file = locate(place)
    entry = read_submission(file)
    if isinstance(entry, Release):
        target, text = file.parent / SUMS, sum_release(file.parent)
    elif isinstance(entry, Code | Attack) and entry.file:
        target, text = file, _with_new_sum(file, entry)
    else:
        raise UserError(f"{show(file)}: no checksums; allowed: a submission of the kind code or release")
    try:
        _write_whole(target, lambda draft: draft.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{show(target.name)}: {error.strerror}; allowed: a file that can be written") from None
    return target


def _with_new_sum(file: Path, entry: Code | Attack) -> str:
    """Return the YAML of an entry with code and with the checksum of its file."""
    with errors_at(file):
        sha256 = hashlib.sha256(read_file(file.parent, entry.file, MAX_CODE, "file")).hexdigest()
    return file.read_text(encoding="utf-8").replace(entry.sha256, sha256)


def _schema_line(folder: Path) -> str:
    """Return the comment that tells an editor where the schema is; "" where it is in no folder above."""
    for depth, above in enumerate(folder.absolute().parents[:2], start=1):
        if (above / "schema.json").is_file():
            return f"# yaml-language-server: $schema={'../' * depth}schema.json\n"
    return ""


def _write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Write a file or folder beside its place, and then move it there: a reader sees all of it or nothing."""
    with TemporaryDirectory(prefix=".new-", dir=target.parent) as draft:
        write(Path(draft, target.name))
        Path(draft, target.name).rename(target)
