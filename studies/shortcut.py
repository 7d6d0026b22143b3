"""Ask whether an adapter learned the picture or the noise: python -m studies.shortcut em multimodal mmguard

Two measurements explain why a release protects or not, each with a 95 % interval over samples. Loss: the mean answer
NLL (nats an answer) of training samples under the victim before training, clean and released; a shortcut lowers it.
Accuracy: of the model fine-tuned on the release, on its own training samples, as released and as they were before. An
adapter that learned the noise is right on released samples and wrong on clean ones; one that learned the picture is
right on both.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import typer

from attacks.answers import generate_answers
from bench.cli import parse
from bench.lvlm.adapters import use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load_once
from bench.lvlm.text import Prompt
from bench.play.roles import PLAIN
from bench.samples import Sample, SampleSet
from bench.spec import Method, RunSpec, Threat
from bench.stages import attack, dataset, protect
from defenses.craft.levels import to_levels

SAMPLES, BATCH = 192, 64


def batches(samples: Sequence[Sample]) -> Iterator[Sequence[Sample]]:
    """Yield the samples in parts of `BATCH`."""
    for start in range(0, len(samples), BATCH):
        yield samples[start : start + BATCH]


@torch.no_grad()
def answer_losses(lvlm: LVLM, samples: Sequence[Sample]) -> np.ndarray:
    """Return the NLL of each answer, (N,)."""
    losses = []
    for batch in batches(samples):
        images = [to_levels(sample.pixels) for sample in batch]
        encoded = lvlm.encode([Prompt(s.question, s.answer) for s in batch], lvlm.layouts(images))
        losses.append(lvlm.loss(encoded, images).numpy())
    return np.concatenate(losses)


def exact_matches(lvlm: LVLM, samples: Sequence[Sample]) -> np.ndarray:
    """Return 1 for each sample that the model answers exactly, else 0, (N,)."""
    answers = generate_answers(lvlm, samples)
    return np.array([answer == s.answer for answer, s in zip(answers, samples, strict=True)], float)


def mean_text(values: np.ndarray) -> str:
    """Return a mean with the half width of its interval."""
    return f"{values.mean():.2f} ± {1.96 * values.std() / len(values) ** 0.5:.2f}"


def main(defenses: list[str], victim: str = "tiny-llava-a", seed: int = 0, black: str | None = None) -> None:
    """Print one Markdown row for each defense and box. `black`: the black box's surrogates, separated by commas."""
    clean = SampleSet.load(dataset.stage("emoji_catalog", "train").make().folder)
    chosen = np.random.default_rng(0).choice(len(clean), SAMPLES, replace=False)
    before, lvlm = [clean[i] for i in chosen], load_once(victim)
    clean_loss = mean_text(answer_losses(lvlm, before))
    print("| defense | box | loss, clean | loss, released | accuracy, released | accuracy, clean |")
    print("|---|---|---|---|---|---|", flush=True)
    boxes: tuple[Threat, ...] = ("white", "gray", "black")
    cells = [("none", boxes[0]), *((name, box) for name in defenses for box in boxes)]
    for name, box in cells:
        surrogates = parse.names(black if box == "black" else None)
        spec = RunSpec(
            defense=Method(name=name), attack=PLAIN, victim=victim, threat=box, surrogates=surrogates, seed=seed
        )
        release = protect.stage(spec)
        adapter = attack.stage(spec, release, PLAIN)
        assert adapter is not None, "the plain attack trains"
        adapter.make()
        released = SampleSet.load(release.folder)
        after = [released[i] for i in chosen]
        with use_adapter(lvlm, adapter.folder):
            accuracies = [mean_text(exact_matches(lvlm, samples)) for samples in (after, before)]
        released_loss = mean_text(answer_losses(lvlm, after))
        print(f"| `{name}` | {box} | {clean_loss} | {released_loss} | {' | '.join(accuracies)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
