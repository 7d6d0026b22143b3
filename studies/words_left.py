"""Count the inserted words that a trainer's cleaning leaves: python -m studies.words_left mmguard --dataset scenes

Each way of cleaning texts is applied to a release. An inserted word is left if the cleaned question has a word more
than the owner's; an own word is lost if it has one less. A question is restored if it is the owner's again.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
import typer

from attacks.parts import PARTS, Knowledge
from bench import datasets
from bench.lvlm.catalog import load_once
from bench.play.roles import PLAIN
from bench.samples import SampleSet
from bench.spec import Method, RunSpec, Threat
from bench.stages import dataset as owner
from bench.stages import protect
from reports import markdown


class Count(NamedTuple):
    """Inserted words, those that are left, own words that are lost, questions that are restored, and all questions."""

    inserted: int
    left: int
    lost: int
    restored: int
    questions: int


def count(clean: SampleSet, release: SampleSet, cleaned: SampleSet) -> Count:
    """Return what cleaning made of a release, sample by sample."""
    own, released, after = ([Counter(s.question.split()) for s in samples] for samples in (clean, release, cleaned))
    pairs = list(zip(own, after, strict=True))
    return Count(
        inserted=sum((r - o).total() for o, r in zip(own, released, strict=True)),
        left=sum((a - o).total() for o, a in pairs),
        lost=sum((o - a).total() for o, a in pairs),
        restored=sum(c.question == a.question for c, a in zip(clean, cleaned, strict=True)),
        questions=len(clean),
    )


def main(
    defense: str,
    parts: str = "drop_inserted,drop_rare,paraphrase",
    dataset: str = "emoji_catalog",
    victim: str = "tiny-internvl-64",
    threat: Threat = "white",
    seed: int = 0,
) -> None:
    """Print a Markdown table with a row for each way of cleaning."""
    spec = RunSpec(defense=Method(name=defense), attack=PLAIN, dataset=dataset, victim=victim, threat=threat, seed=seed)
    clean = SampleSet.load(owner.stage(dataset, "train").make().folder)
    release = SampleSet.load(protect.stage(spec).make().folder)
    knowledge = Knowledge(load_once(victim), datasets.load(dataset, "validation"))
    rows = []
    for name in parts.split(","):
        cleaned = PARTS.build(Method(name=name)).prepare(release, knowledge, np.random.default_rng(seed))
        rows.append([f"`{name}`", *map(str, count(clean, release, cleaned))])
    titles = ["cleaning", "inserted words", "left", "own words lost", "questions restored", "questions"]
    print(markdown.table(titles, rows))


if __name__ == "__main__":
    typer.run(main)
