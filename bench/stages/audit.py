"""AUDIT: what a release changed, measured on its decoded files. A release over budget is refused."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.progress import Progress
from bench.samples import Sample, SampleSet
from bench.spec import Budget, RunSpec
from bench.stages import dataset
from bench.stages.stage import Stage, name_stage


def stage(spec: RunSpec, release: Stage) -> Stage:
    """Return the stage that measures a release and refuses it when it is over budget."""
    train = dataset.stage(spec.dataset, "train")
    payload = {"original": train.identity, "release": release.identity, "budget": spec.budget.model_dump()}
    return name_stage("audit", release.title, payload, partial(_work, spec, train, release), (train, release))


def _work(spec: RunSpec, train: Stage, release: Stage, folder: Path, progress: Progress) -> None:
    from defenses import REGISTRY

    original, released = SampleSet.load(train.folder), SampleSet.load(release.folder)
    report = audit(original, released, spec.budget, control=spec.defense.name in REGISTRY.controls)
    (folder / "audit.json").write_text(json.dumps(report, indent=1, sort_keys=True), encoding="utf-8")


def audit(original: SampleSet, released: SampleSet, budget: Budget, control: bool = False) -> dict[str, Any]:
    """Measure the stealth of a release: means over samples, and maxima for what has a budget.

    linf: 8-bit levels. psnr: dB, None where nothing changed. ssim: 1 means equal. perceptual: mean CIEDE2000 colour
    difference (about 1 is just noticeable; it is not LPIPS). words, edit_distance: inserted words and characters.
    control: a control, which is never ranked, may change answers; `answers` is how many it changed.
    Raises UserError for a release over budget, or one that changes anything besides pictures and questions.
    """
    if [(s.id, s.image_id) for s in original] != [(s.id, s.image_id) for s in released]:
        raise UserError("release: ids or order changed; allowed: pictures and questions")
    answers = sum(a.answer != b.answer for a, b in zip(original, released, strict=True))
    if answers and not control:
        raise UserError(f"release: {answers} answers changed; allowed: pictures and questions")
    rows = [_measure(a, b) for a, b in zip(original, released, strict=True)]
    linf, words = max(r["linf"] for r in rows), max(r["words"] for r in rows)
    if linf > budget.epsilon:
        raise UserError(f"release: L-inf of {linf} levels; allowed: {budget.epsilon}")
    if words > budget.words:
        raise UserError(f"release: {words} words inserted into a question; allowed: {budget.words}")
    changed = [r["psnr"] for r in rows if r["psnr"] is not None]
    means = {key: round(float(np.mean([r[key] for r in rows])), 4) for key in ("ssim", "perceptual", "edit_distance")}
    psnr = round(float(np.mean(changed)), 2) if changed else None
    return {"linf": linf, "psnr": psnr, "words": words, **means, **({"answers": answers} if answers else {})}


def _measure(original: Sample, released: Sample) -> dict[str, Any]:
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    a, b = original.pixels, released.pixels
    if a.shape != b.shape or b.dtype != np.uint8:
        raise UserError(f"release: picture {released.image_id} is {b.shape} {b.dtype}; allowed: {a.shape} uint8")
    words, _ = insertions(original.question, released.question)
    same = bool((a == b).all())
    return {
        "linf": int(np.abs(a.astype(int) - b).max()),
        "psnr": None if same else peak_signal_noise_ratio(a, b, data_range=255),
        "ssim": 1.0 if same else structural_similarity(a, b, channel_axis=2, data_range=255),
        "perceptual": 0.0 if same else float(deltaE_ciede2000(rgb2lab(a), rgb2lab(b)).mean()),
        "words": len(words),
        "edit_distance": len(released.question) - len(original.question),
    }


def insertions(original: str, released: str) -> tuple[list[str], list[int]]:
    """Return the words that `released` adds, and for each the index of the word of `original` that it stands before.

    Raises UserError where a word of `original` is missing or moved.
    """
    expected, at, words, slots = original.split(), 0, [], []
    for word in released.split():
        if at < len(expected) and word == expected[at]:
            at += 1
        else:
            words.append(word)
            slots.append(at)
    if at < len(expected):
        raise UserError(f"release: the question {original!r} became {released!r}; allowed: inserted words only")
    return words, slots
