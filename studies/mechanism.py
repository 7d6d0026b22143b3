"""MMGuard's mechanism, measured: attention mass before and after, per layer, on the victim as it is and fine-tuned.

python studies/mechanism.py multimodal mmguard mmguard_crs

Before: the original picture and random words in the trigger's places. After: the release. The perturbed patches are
the release's own top tau in both, so that only their content changes. Mean over samples and heads; +- is the half
width of a 95 % normal interval over samples.
"""

from collections.abc import Sequence

import numpy as np
import torch
import typer

from bench.lvlm.adapters import wearing
from bench.lvlm.base import LVLM
from bench.lvlm.text import Prompt
from bench.samples import Sample, SampleSet
from bench.spec import Method, RunSpec
from bench.stages import stages
from bench.stages.audit import insertions
from bench.words import insert, plain_words
from defenses.mmguard.binding import answer_rows, perturbed_tokens

TAU, BATCH = 0.1, 64
MASSES = ("answer → trigger", "answer → patches", "trigger → patches")


def levels(samples: Sequence[Sample]) -> list[torch.Tensor]:
    """Pictures as (3, H, W) levels."""
    return [torch.from_numpy(s.pixels.copy()).permute(2, 0, 1).float() for s in samples]


@torch.no_grad()
def masses(lvlm: LVLM, before: SampleSet, after: SampleSet, words: Sequence[str]) -> np.ndarray:
    """(2, layers, 3, samples): before and after, the three masses."""
    rng = np.random.default_rng(0)
    parts = []
    for start in range(0, len(before), BATCH):
        old, new = before[start : start + BATCH], after[start : start + BATCH]
        clean, noisy = levels(old), levels(new)
        found = [insertions(a.question, b.question) for a, b in zip(old, new, strict=True)]
        chosen = [[str(w) for w in rng.choice(words, len(f[1]))] for f in found]
        measured = []
        for pictures, texts in ((clean, chosen), (noisy, [f[0] for f in found])):
            put = [insert(s.question, w, f[1]) for s, w, f in zip(old, texts, found, strict=True)]
            prompts = [Prompt(p.text, s.answer, p.spans) for s, p in zip(old, put, strict=True)]
            encoded = lvlm.encode(prompts, lvlm.layouts(pictures))
            patches = perturbed_tokens(encoded, lvlm.intensity(noisy, clean), TAU)
            rows = lvlm.attention_rows(
                encoded, pictures, lvlm.attending, [answer_rows(encoded), encoded.trigger]
            ).values()
            measured.append(
                [
                    [(a * encoded.trigger).sum(1).numpy(), (a * patches).sum(1).numpy(), (t * patches).sum(1).numpy()]
                    for a, t in rows
                ]
            )
        parts.append(np.array(measured))
    return np.concatenate(parts, axis=-1)


def main(defenses: list[str], victim: str = "tiny-llava-a", threat: str = "white", seed: int = 0) -> None:
    """Print one Markdown table a defense and model."""
    for name in defenses:
        spec = RunSpec(defense=Method(name=name), attack=stages.CLEAN, victim=victim, threat=threat, seed=seed)  # type: ignore[arg-type]
        release = stages.protect(spec)
        adapter = stages.attack(spec, release, stages.CLEAN)
        adapter.make()  # type: ignore[union-attr]
        before = SampleSet.load(stages.dataset(spec.dataset, "train").folder)
        after, lvlm = SampleSet.load(release.folder), stages.model(victim)
        words = plain_words([lvlm.tokenizer])
        for model, folder in (("as it is", None), ("fine-tuned on the release", adapter.folder)):  # type: ignore[union-attr]
            with wearing(lvlm, folder):
                table = masses(lvlm, before, after, words)
            print(f"\n{name}, {threat} box, {victim} {model} ({table.shape[-1]} samples)\n")
            print("| layer |" + "".join(f" {m}, before | after |" for m in MASSES) + "\n|---|" + "---|---|" * 3)
            half = 1.96 * table.std(-1) / np.sqrt(table.shape[-1])
            for layer in lvlm.attending:
                cells = [
                    f" {table[k, layer, m].mean():.3f} ± {half[k, layer, m]:.3f} |" for m in range(3) for k in (0, 1)
                ]
                print(f"| {layer + 1} |" + "".join(cells), flush=True)


if __name__ == "__main__":
    typer.run(main)
