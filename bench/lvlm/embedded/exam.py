"""Measure what an embedded victim sees: accuracy on new renderings of the concepts of its pretraining."""

from typing import Any

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bench.datasets.emoji.pretraining import PretrainingPictures
from bench.lvlm.base import LVLM
from bench.lvlm.embedded.language import KINDS, make_prompt
from bench.lvlm.embedded.tower import Pictures, TowerClassifier

BATCH = 128


def examine(lvlm: LVLM, pictures: PretrainingPictures) -> dict[str, float]:
    """Return the exact-match accuracy of each kind of question.

    `pictures` holds two renderings of each concept, one after the other; the victim has seen neither of them.
    """
    scores = {}
    for kind, (phrasings, _) in KINDS.items():
        correct = []
        for start in range(0, len(pictures.pixels), BATCH):
            labels = pictures.labels.iloc[start : start + BATCH]
            prompts = [
                make_prompt(row, kind, phrasings[i % len(phrasings)]) for i, (_, row) in enumerate(labels.iterrows())
            ]
            answers = lvlm.generate([p.question for p in prompts], list(pictures.pixels[start : start + BATCH]))
            correct += [a == p.answer for a, p in zip(answers, prompts, strict=True)]
        scores[kind] = round(float(np.mean(correct)), 4)
    return scores


def probe(lvlm: LVLM, taught: PretrainingPictures, unseen: PretrainingPictures) -> float:
    """Return the accuracy of a linear classifier (linear discriminant analysis) of concepts on the tower's features.

    The classifier is fitted on `taught`, the renderings that the tower was trained with, and tested on `unseen`.
    """
    tower = TowerClassifier(lvlm.model, 1)

    @torch.no_grad()
    def features(pictures: PretrainingPictures) -> np.ndarray:
        data = Pictures(lvlm.processor, pictures)
        indices = np.arange(len(pictures.pixels))
        parts = np.array_split(indices, len(indices) // BATCH)
        return np.concatenate([tower.features(**data.batch(part.tolist())).numpy() for part in parts])

    classifier = LinearDiscriminantAnalysis().fit(features(taught), taught.labels["concept"])
    return round(float(classifier.score(features(unseen), unseen.labels["concept"])), 4)


def format_readme(card: dict[str, Any]) -> str:
    """Return the model card in Markdown, from the measured facts."""
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
