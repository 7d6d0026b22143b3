"""Measure what a platform leaves of stealth and protection: python -m studies.platforms --defense em --write

A release goes through a platform, and a trainer runs default LoRA on what comes out. They are compared with the same
trainer on the clean pictures through the same platform, on the same clean test questions; intervals are those of the
benchmark (`bench.scoring`), over the pictures of one seed. The distance is that between the two copies.

A platform that reduces a photograph from 4,032 pixels to 1,080 leaves a share of 0.27 of each side. So for that row the
owner's pictures are four times as large a side, protected at that size, and reduced by the same share.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import typer
from PIL import Image

from attacks import REGISTRY as ATTACKS
from attacks.answers import generate_answers
from bench.datasets import load
from bench.lvlm.adapters import use_adapter
from bench.lvlm.catalog import load_once
from bench.owner.measure import compare
from bench.owner.platforms import Platform, parse_platform
from bench.play.roles import PLAIN
from bench.progress import silent
from bench.samples import SampleSet
from bench.scoring.protection import score
from bench.scoring.rules import strict_score
from bench.spec import Budget, Method
from defenses import REGISTRY as DEFENSES
from reports.markdown import fill, interval, table

PAGE = Path(__file__).parent.parent / "docs" / "protect.md"
ENLARGED = 4
REDUCED = "resize, 4,032 to 1,080 pixels"
PLATFORMS = {
    "none": None,
    "JPEG 85": parse_platform("jpeg=85"),
    "JPEG 60": parse_platform("jpeg=60"),
    "WebP 80": parse_platform("webp=80"),
}
TITLES = ("platform", "PSNR, dB", "SSIM", "accuracy, clean data", "accuracy, release", "protection")


def change(samples: SampleSet, work: Callable[[np.ndarray], np.ndarray]) -> SampleSet:
    """Return the samples with other pixels."""
    return SampleSet(tuple(sample.change(pixels=work(sample.pixels)) for sample in samples))


def enlarge(pixels: np.ndarray) -> np.ndarray:
    """Return a picture that is four times as large a side."""
    height, width = pixels.shape[:2]
    size = (width * ENLARGED, height * ENLARGED)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def reduce(pixels: np.ndarray) -> np.ndarray:
    """Return a picture with the share of its longer side that is left of 4,032 pixels at 1,080."""
    return Platform((("resize", round(max(pixels.shape[:2]) * 1080 / 4032)),)).copy(pixels)


class Trainer:
    """A victim, the clean questions that it is asked, and its answers without training."""

    def __init__(self, victim: str, dataset: str) -> None:
        self.victim, self.dataset = victim, dataset
        self.test = load(dataset, "test")
        self.pictures = np.unique([sample.image_id for sample in self.test], return_inverse=True)[1]
        self.zero = self.ask(None)

    def ask(self, adapter: Path | None) -> np.ndarray:
        """Return the score of each answer."""
        with use_adapter(load_once(self.victim), adapter):
            answers = generate_answers(load_once(self.victim), self.test)
        return np.array([float(strict_score(answer, s)) for answer, s in zip(answers, self.test, strict=True)])

    def learn(self, samples: SampleSet) -> np.ndarray:
        """Return the scores after default LoRA on samples."""
        with tempfile.TemporaryDirectory() as folder:
            attack, validation = ATTACKS.build(PLAIN), load(self.dataset, "validation")
            attack.tune(load_once(self.victim), samples, validation, 0, Path(folder), silent)
            return self.ask(Path(folder))

    def row(self, title: str, clean: SampleSet, release: SampleSet) -> list[str]:
        """Return the cells of a platform, from both copies that it hands on."""
        distances = [compare(a.pixels, b.pixels) for a, b in zip(clean, release, strict=True)]
        psnr = np.mean([d.psnr for d in distances if d.psnr is not None])
        ssim = np.mean([d.ssim for d in distances])
        right = [self.learn(samples)[None] for samples in (clean, release)]
        result = score(self.zero, *right, self.pictures)
        protection = interval(result.protection) if result.protection else "nothing to protect"
        return [title, f"{psnr:.1f}", f"{ssim:.3f}", *(f"{scores.mean():.1%}" for scores in right), protection]


def measure(defense: str, victim: str, dataset: str) -> str:
    """Return the table of all platforms."""
    trainer, clean = Trainer(victim, dataset), load(dataset, "train")

    def protect(samples: SampleSet) -> SampleSet:
        method, rng = DEFENSES.build(Method(name=defense)), np.random.default_rng(0)
        return method.protect(samples, [load_once(victim)], Budget(), rng, silent).samples

    rows, release = [], protect(clean)
    for title, platform in PLATFORMS.items():
        copies = (change(side, platform.copy) if platform else side for side in (clean, release))
        rows.append(trainer.row(title, *copies))
        print(rows[-1], flush=True)
    large = change(clean, enlarge)
    protected = protect(large)
    rows.append(trainer.row(f"none, pictures {ENLARGED} times as large a side", large, protected))
    print(rows[-1], flush=True)
    rows.append(trainer.row(f"the same, then {REDUCED}", change(large, reduce), change(protected, reduce)))
    return table(TITLES, rows)


def main(
    defense: str = "em", victim: str = "tiny-internvl", dataset: str = "emoji_catalog", write: bool = False
) -> None:
    """Print the table, or write it into docs/protect.md."""
    text = measure(defense, victim, dataset)
    print(text)
    if write:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), {"platforms": lambda: text}), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
