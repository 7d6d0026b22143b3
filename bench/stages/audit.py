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
from bench.stages.fidelity import check_release, inserted_words
from bench.stages.stage import Stage, name_stage

CHECKS = 2
"""The version of what an audit refuses. A release that an older version passed is audited again."""


def stage(spec: RunSpec, release: Stage) -> Stage:
    """Return the stage that measures a release and refuses it when it is over budget."""
    train = dataset.stage(spec.dataset, "train")
    payload = {
        "original": train.identity,
        "release": release.identity,
        "budget": spec.budget.model_dump(),
        "checks": CHECKS,
    }
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
    if not original:
        raise UserError("data set: no samples; allowed: one or more")
    answers = check_release(original, released, control)
    words = max(len(inserted_words(a, b)) for a, b in zip(original, released, strict=True))
    rows = [_measure(a, b) for a, b in zip(original, released, strict=True)]
    linf = max(r["linf"] for r in rows)
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
    from skimage.metrics import peak_signal_noise_ratio

    a, b = original.pixels, released.pixels
    same = bool((a == b).all())
    return {
        "linf": int(np.abs(a.astype(int) - b).max()),
        "psnr": None if same else peak_signal_noise_ratio(a, b, data_range=255),
        "ssim": 1.0 if same else structural_similarity(a, b),
        "perceptual": 0.0 if same else float(deltaE_ciede2000(rgb2lab(a), rgb2lab(b)).mean()),
        "edit_distance": len(released.question) - len(original.question),
    }


def structural_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Return the SSIM of two (H, W, 3) uint8 pictures, in windows of 7 pixels.

    Where a side is shorter, the window is the longest odd one that fits. A side of one or two pixels is first made
    three long by repeating its last one.
    """
    from skimage import metrics

    short = [(0, max(0, 3 - side)) for side in a.shape[:2]]
    a, b = (np.pad(pixels, [*short, (0, 0)], mode="edge") for pixels in (a, b))
    side = min(7, *a.shape[:2])
    window = side if side % 2 else side - 1
    return float(metrics.structural_similarity(a, b, win_size=window, channel_axis=2, data_range=255))
