"""What an embedded victim can see: accuracy on unseen renderings of the concepts that it was taught."""

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from bench.datasets.emoji.known import KnownPictures
from bench.lvlm.base import LVLM
from bench.lvlm.embedded.language import KINDS, prompt
from bench.lvlm.embedded.tower import Pictures, TowerClassifier

BATCH = 128


def examine(lvlm: LVLM, pictures: KnownPictures) -> dict[str, float]:
    """Exact-match accuracy of each kind of question, and of a linear probe of the tower 

    `pictures` holds two renderings a concept, one after the other; both are unseen by the victim.
    """
    scores = {}
    for kind, (phrasings, _) in KINDS.items():
        right = []
        for start in range(0, len(pictures.pixels), BATCH):
            labels = pictures.labels.iloc[start : start + BATCH]
            prompts = [prompt(row, kind, phrasings[i % len(phrasings)]) for i, (_, row) in enumerate(labels.iterrows())]
            answers = lvlm.generate([p.question for p in prompts], list(pictures.pixels[start : start + BATCH]))
            right += [a == p.answer for a, p in zip(answers, prompts, strict=True)]
        scores[kind] = round(float(np.mean(right)), 4)
    return scores


@torch.no_grad()
def probe(lvlm: LVLM, train: KnownPictures, test: KnownPictures) -> float:
    """Top-1 accuracy of a linear probe on the frozen tower's mean-pooled features."""
    tower = TowerClassifier(lvlm.model, 1).eval()

    def features(pictures: KnownPictures) -> np.ndarray:
        data = Pictures(lvlm.processor, pictures)
        rows = range(len(pictures.pixels))
        return np.concatenate([tower.features(**data.batch(list(rows[i : i + 256]))) for i in rows[::256]])

    x, z = features(train), features(test)
    centre, spread = x.mean(0), x.std(0) + 1e-6
    linear = LogisticRegression(max_iter=60, C=10.0).fit((x - centre) / spread, train.labels["concept"])
    return float(linear.score((z - centre) / spread, test.labels["concept"]))


def readme(card: dict[str, Any]) -> str:
    """A model card in Markdown, from the measured facts."""
    accuracy = "\n".join(f"| {kind} | {value:.1%} |" for kind, value in card["accuracy"].items())
    return (
        f"# {card['name']}\n\n"
        f"A tiny `{card['recipe']['family']}` LVLM, {card['parameters']:,} parameters, trained from nothing by\n"
        f"`bench victims pretrain {card['name']}` for this benchmark. It knows emoji; it is of no other use.\n\n"
        f"- Data: {card['data']}.\n"
        f"- Steps: {card['recipe']['tower_steps']} (tower as classifier), {card['recipe']['lm_steps']} (projector and language model).\n"
        f"- Hardware: {card['hardware']}; seconds {card['seconds']}.\n"
        "- Licence: Apache-2.0; the pictures it was trained on are MIT.\n\n"
        f"| question about unseen renderings of known concepts | accuracy |\n|---|---|\n{accuracy}\n"
    )
