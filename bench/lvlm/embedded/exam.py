"""What an embedded victim can see: accuracy on unseen renderings of the concepts that it was taught."""

from typing import Any

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bench.datasets.emoji.known import KnownPictures
from bench.lvlm.base import LVLM
from bench.lvlm.embedded.language import KINDS, prompt
from bench.lvlm.embedded.tower import Pictures, TowerClassifier

BATCH = 128


def examine(lvlm: LVLM, pictures: KnownPictures) -> dict[str, float]:
    """Exact-match accuracy of each kind of question.

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


def probe(lvlm: LVLM, taught: KnownPictures, unseen: KnownPictures) -> float:
    """Accuracy of a linear classifier of the known concepts (linear discriminant analysis) on the tower's features.

    Fitted on the renderings that the tower was trained with, examined on others.
    """
    tower = TowerClassifier(lvlm.model, 1)

    @torch.no_grad()
    def features(pictures: KnownPictures) -> np.ndarray:
        data = Pictures(lvlm.processor, pictures)
        indices = np.arange(len(pictures.pixels))
        parts = np.array_split(indices, len(indices) // BATCH)
        return np.concatenate([tower.features(**data.batch(part.tolist())).numpy() for part in parts])

    classifier = LinearDiscriminantAnalysis().fit(features(taught), taught.labels["concept"])
    return round(float(classifier.score(features(unseen), unseen.labels["concept"])), 4)


def readme(card: dict[str, Any]) -> str:
    """A model card in Markdown, from the measured facts."""
    accuracy = "\n".join(f"| {kind} | {value:.1%} |" for kind, value in card["accuracy"].items())
    return (
        f"# {card['name']}\n\n"
        f"A tiny `{card['recipe']['family']}` LVLM, {card['parameters']:,} parameters, trained from nothing by\n"
        f"`bench victims pretrain {card['name']}` for this benchmark. It knows emoji; it is of no other use.\n\n"
        f"- Data: {card['data']}.\n"
        f"- Steps: {card['recipe']['tower_steps']} (tower as classifier), "
        f"{card['recipe']['lm_steps']} (projector and language model).\n"
        f"- Hardware: {card['hardware']}; seconds {card['seconds']}.\n"
        "- Licence: Apache-2.0; the pictures it was trained on are MIT.\n\n"
        f"| question about unseen renderings of known concepts | accuracy |\n|---|---|\n{accuracy}\n"
        f"| linear probe of the tower, 1,279 classes | {card['linear_probe']:.1%} |\n"
    )
