"""Measure the attention that MMGuard binds: python -m studies.mechanism multimodal mmguard mmguard_crs

The attention mass on trigger words and perturbed patches is measured in each layer, before and after protection, for
the victim as it is and fine-tuned on the release. Before: the original picture, and random words in the places of the
trigger. After: the release. The perturbed patches are the top share tau of the release in both, so that only their
content differs. Means are over samples and heads; ± is the half width of a 95 % normal interval over samples.
"""

from collections.abc import Sequence

import numpy as np
import torch
import typer

from bench.lvlm.adapters import use_adapter
from bench.lvlm.base import LVLM
from bench.lvlm.catalog import load_once
from bench.lvlm.text import Prompt
from bench.play.roles import PLAIN
from bench.samples import Sample, SampleSet
from bench.spec import Method, RunSpec, Threat
from bench.stages import attack, dataset, protect
from bench.stages.fidelity import insertions
from bench.words import insert, plain_words
from defenses.craft.levels import to_levels
from defenses.mmguard.binding import answer_rows, perturbed_tokens

TAU, BATCH = 0.1, 64
MASSES = ("answer → trigger", "answer → patches", "trigger → patches")


@torch.no_grad()
def attention_masses(
    lvlm: LVLM, before: SampleSet, after: SampleSet, vocabulary: Sequence[str], tau: float = TAU
) -> np.ndarray:
    """Return the three masses in each layer, before and after, (2, layers, 3, samples)."""
    rng = np.random.default_rng(0)
    batches = []
    for start in range(0, len(before), BATCH):
        old, new = before[start : start + BATCH], after[start : start + BATCH]
        clean, noisy = ([to_levels(sample.pixels) for sample in batch] for batch in (old, new))
        triggers = [insertions(a.question, b.question) for a, b in zip(old, new, strict=True)]
        slots = [places for _, places in triggers]
        random_words = [[str(word) for word in rng.choice(vocabulary, len(places))] for places in slots]
        trigger_words = [words for words, _ in triggers]
        states = []
        for pictures, words in ((clean, random_words), (noisy, trigger_words)):
            encoded = lvlm.encode(trigger_prompts(old, words, slots), lvlm.layouts(pictures))
            patches = perturbed_tokens(encoded, lvlm.intensity(noisy, clean), tau)
            queries = [answer_rows(encoded), encoded.trigger]
            layers = lvlm.attention_rows(encoded, pictures, lvlm.attention_layers, queries)
            states.append([layer_masses(rows, encoded.trigger, patches) for rows in layers.values()])
        batches.append(np.array(states))
    return np.concatenate(batches, axis=-1)


def trigger_prompts(samples: Sequence[Sample], words: list[list[str]], slots: list[list[int]]) -> list[Prompt]:
    """Return the prompts of samples with words in their questions."""
    inserted = [insert(s.question, w, places) for s, w, places in zip(samples, words, slots, strict=True)]
    return [Prompt(i.text, s.answer, i.spans) for s, i in zip(samples, inserted, strict=True)]


def layer_masses(rows: Sequence[torch.Tensor], trigger: torch.Tensor, patches: torch.Tensor) -> list[np.ndarray]:
    """Return the masses of one layer in the order of `MASSES`, from its rows of the answer and of the trigger."""
    answer_row, trigger_row = rows
    pairs = ((answer_row, trigger), (answer_row, patches), (trigger_row, patches))
    return [(row * keys).sum(1).numpy() for row, keys in pairs]


def main(defenses: list[str], victim: str = "tiny-llava-a", threat: Threat = "white", seed: int = 0) -> None:
    """Print one Markdown table for each defense and model."""
    for name in defenses:
        spec = RunSpec(defense=Method(name=name), attack=PLAIN, victim=victim, threat=threat, seed=seed)
        release = protect.stage(spec)
        adapter = attack.stage(spec, release, PLAIN)
        assert adapter is not None, "the plain attack trains"
        adapter.make()
        before, after = (SampleSet.load(s.folder) for s in (dataset.stage(spec.dataset, "train"), release))
        lvlm = load_once(victim)
        vocabulary = plain_words([lvlm.tokenizer])
        for state, folder in (("as it is", None), ("fine-tuned on the release", adapter.folder)):
            with use_adapter(lvlm, folder):
                masses = attention_masses(lvlm, before, after, vocabulary)
            print(f"\n{name}, {threat} box, {victim} {state} ({masses.shape[-1]} samples)\n")
            print("| layer |" + "".join(f" {mass}, before | after |" for mass in MASSES) + "\n|---|" + "---|---|" * 3)
            mean, half = masses.mean(-1), 1.96 * masses.std(-1) / np.sqrt(masses.shape[-1])
            for layer in lvlm.attention_layers:
                columns = ((when, layer, mass) for mass in range(len(MASSES)) for when in (0, 1))
                cells = [f" {mean[column]:.3f} ± {half[column]:.3f} |" for column in columns]
                print(f"| {layer + 1} |" + "".join(cells), flush=True)


if __name__ == "__main__":
    typer.run(main)
