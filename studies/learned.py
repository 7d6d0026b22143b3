"""Why a release protects or not: does its loss fall below clean, and does the adapter still learn the picture?

python studies/learned.py em multimodal mmguard

Loss: mean answer NLL (nats an answer) of training samples under the victim as it is, clean and released. Accuracy: of
the model fine-tuned on the release, on training samples as they were released and as they were before. Learned from the
noise: right on released, wrong on clean. Learned from the picture: right on both. 95 % intervals over samples.
"""

from collections.abc import Sequence

import numpy as np
import torch
import typer

from bench.cli import parse
from bench.lvlm.adapters import wearing
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import Sample, SampleSet
from bench.spec import Method, RunSpec
from bench.stages import stages

SAMPLES, BATCH = 192, 64


@torch.no_grad()
def losses(lvlm: LVLM, samples: Sequence[Sample]) -> np.ndarray:
    """(N,) answer NLL."""
    parts = []
    for start in range(0, len(samples), BATCH):
        batch = samples[start : start + BATCH]
        images = [torch.from_numpy(s.pixels.copy()).permute(2, 0, 1).float() for s in batch]
        encoded = lvlm.encode([Prompt(s.question, s.answer) for s in batch], lvlm.layouts(images))
        parts.append(lvlm.loss(encoded, images).numpy())
    return np.concatenate(parts)


def right(lvlm: LVLM, samples: Sequence[Sample]) -> np.ndarray:
    """(N,) 1 where the answer is exact."""
    answers: list[str] = []
    for start in range(0, len(samples), BATCH):
        batch = samples[start : start + BATCH]
        answers += lvlm.generate([s.question for s in batch], [s.pixels for s in batch])
    return np.array([a == s.answer for a, s in zip(answers, samples, strict=True)], float)


def shown(values: np.ndarray, digits: int) -> str:
    """A mean with the half width of its interval."""
    return f"{values.mean():.{digits}f} ± {1.96 * values.std() / len(values) ** 0.5:.{digits}f}"


def main(defenses: list[str], victim: str = "tiny-llava-a", seed: int = 0, black: str | None = None) -> None:
    """Print one Markdown row a defense and box. `black`: names of the black box's surrogates, with commas."""
    clean = SampleSet.load(stages.dataset("emoji_catalog", "train").make().folder)
    chosen = np.random.default_rng(0).choice(len(clean), SAMPLES, replace=False)
    before, lvlm = [clean[i] for i in chosen], stages.model(victim)
    base = losses(lvlm, before)
    print("| defense | box | loss, clean | loss, released | accuracy, released | accuracy, clean |")
    print("|---|---|---|---|---|---|", flush=True)
    for name in ["none", *defenses]:
        for threat in ("white", "gray", "black") if name != "none" else ("white",):
            owners = parse.names(black if threat == "black" else None)
            spec = RunSpec(
                defense=Method(name=name),
                attack=stages.CLEAN,
                victim=victim,
                threat=threat,
                surrogates=owners,
                seed=seed,
            )
            release = stages.protect(spec)
            adapter = stages.attack(spec, release, stages.CLEAN)
            adapter.make()  # type: ignore[union-attr]
            released = SampleSet.load(release.folder)
            after = [released[i] for i in chosen]
            with wearing(lvlm, adapter.folder):  # type: ignore[union-attr]
                accuracy = [shown(right(lvlm, samples), 2) for samples in (after, before)]
            print(
                f"| `{name}` | {threat} | {shown(base, 2)} | {shown(losses(lvlm, after), 2)} | {' | '.join(accuracy)} |"
            )


if __name__ == "__main__":
    typer.run(main)
