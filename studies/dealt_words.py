"""Ask what the words of a release do without its pictures: python -m studies.dealt_words mmguard

A trainer gets clean pictures and the words that a defense inserted: in the questions that they were chosen for, in
questions with the same answer, in those with one other answer, or in any; or others of the words in their places, the
same one for each. What they take in any questions is because of what they are or how they change a question; what they
take beyond that with one other answer, or as others, is because they go with an answer; the rest is because they were
chosen for it. Protection is beside zero-shot and the same attack on clean data, on the test split; nothing is chosen
here.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import typer
from numpy.random import Generator

from attacks.grammar import parse_attack
from bench.play.roles import NO_DEFENSE
from bench.play.run import score_answers
from bench.progress import Progress
from bench.samples import SampleSet
from bench.spec import Method, RunSpec
from bench.stages import attack, evaluate, protect
from bench.stages import dataset as owner
from bench.stages.fidelity import insertions
from bench.stages.stage import Stage, name_stage
from bench.store.predictions import read_table
from bench.words import insert
from reports import markdown

Deal = Literal["own", "renamed", "answer", "other", "any"]
"""The receiver of a question's words: itself, itself but under other names, a question with the same answer, one with
the next answer of a shuffled ring, or any."""

TITLES: Mapping[Deal, str] = {
    "own": "words where they were",
    "renamed": "others of the words in their places, the same one for each",
    "answer": "words in questions with the same answer",
    "other": "words in questions with one other answer",
    "any": "words in any questions",
}


def deal(samples: SampleSet, to: Deal, rng: Generator) -> list[int]:
    """Return for each sample whose words it gets, by position.

    With `own` and `renamed` it is its own; otherwise another's, if there is one. With `other` the words of all samples
    with one answer go to those with the next of a shuffled ring of answers, repeated if they are fewer, cut if more.
    """
    if to in ("own", "renamed"):
        return list(range(len(samples)))
    groups = defaultdict(list)
    for position, sample in enumerate(samples):
        groups["" if to == "any" else sample.answer].append(position)
    receivers = [rng.permutation(group) for group in groups.values()]
    givers = [np.roll(order, 1) for order in receivers]
    if to == "other":
        rng.shuffle(receivers)
        givers = [*receivers[1:], receivers[0]]
    giver = np.empty(len(samples), int)
    for order, given in zip(receivers, givers, strict=True):
        giver[order] = np.resize(given, len(order))
    return giver.tolist()


def find_words(clean: SampleSet, release: SampleSet) -> list[tuple[str, ...]]:
    """Return the words that a release inserted into each question."""
    pairs = zip(clean, release, strict=True)
    return [tuple(insertions(before.question, after.question)[0]) for before, after in pairs]


def rename(words: list[tuple[str, ...]], rng: Generator) -> dict[str, str]:
    """Return for each word another name among them all, drawn once: it goes with the same questions as before."""
    known = sorted({word for of_one in words for word in of_one})
    order = rng.permutation(known).tolist()
    return dict(zip(order, [*order[1:], *order[:1]], strict=True))


def insert_dealt(
    clean: SampleSet, release: SampleSet, givers: list[int], names: Mapping[str, str] | None = None
) -> SampleSet:
    """Return the clean samples with words of a release in their questions, under their names of `rename`, if given.

    A word keeps its place; where the question is shorter, it stands at the end.
    """
    inserted = [insertions(before.question, after.question) for before, after in zip(clean, release, strict=True)]

    def reword(question: str, giver: int) -> str:
        words, slots = inserted[giver]
        words = [names[word] for word in words] if names else words
        return insert(question, words, [min(slot, len(question.split())) for slot in slots]).text

    pairs = zip(clean, givers, strict=True)
    return SampleSet(tuple(s.change(question=reword(s.question, giver)) for s, giver in pairs))


def tell_answers(clean: SampleSet, worded: SampleSet) -> float:
    """Return the share of answers, in [0,1], that the inserted words tell: each is guessed from all other samples.

    A word votes for an answer with the share of its other samples that have it.
    """
    words = [sorted(set(own)) for own in find_words(clean, worded)]
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for sample, own in zip(clean, words, strict=True):
        for word in own:
            seen[word][sample.answer] += 1
    right = 0
    for sample, own in zip(clean, words, strict=True):
        votes: Counter[str] = Counter()
        for word in own:
            others = seen[word] - Counter([sample.answer])
            votes.update({answer: number / others.total() for answer, number in others.items()})
        right += bool(votes) and votes.most_common(1)[0][0] == sample.answer
    return right / len(clean)


def stage(spec: RunSpec, to: Deal) -> Stage:
    """Return the clean pictures with the words of a release, dealt by the run's seed."""
    data, release = owner.stage(spec.dataset, "train"), protect.stage(spec)
    payload = {"clean": data.identity, "words of": release.identity, "deal": to, "seed": spec.seed}
    return name_stage("protect", f"words of {release.title}", payload, partial(_work, spec, to), (data, release))


def _work(spec: RunSpec, to: Deal, folder: Path, progress: Progress) -> None:
    clean, release = (SampleSet.load(s.folder) for s in (owner.stage(spec.dataset, "train"), protect.stage(spec)))
    rng = np.random.default_rng(spec.seed)
    names = rename(find_words(clean, release), rng) if to == "renamed" else None
    insert_dealt(clean, release, deal(clean, to, rng), names).save(folder)


def row(title: str, specs: list[RunSpec], release: Callable[[RunSpec], Stage]) -> list[str]:
    """Return the cells of a release: answers that its words tell (first seed), right answers (each), and protection."""
    data = (owner.stage(specs[0].dataset, "train"), release(specs[0]))
    told = tell_answers(*(SampleSet.load(s.make().folder) for s in data))
    seeds = []
    for spec in specs:
        clean = protect.stage(spec.model_copy(update={"defense": NO_DEFENSE}))
        adapters = (None, attack.stage(spec, clean, spec.attack), attack.stage(spec, release(spec), spec.attack))
        zero, best, after = (read_table(evaluate.stage(spec, a, "test").make().folder) for a in adapters)
        seeds.append((zero, best, after))
    right = " ".join(f"{after['score'].mean():.1%}" for *_, after in seeds)
    protection = score_answers(seeds).protection
    assert protection is not None, "the victims gain from clean data"
    return [title, f"{told:.0%}", right, markdown.interval(protection)]


def main(
    defense: str,
    attack: str = "full_sft+crop_color",
    dataset: str = "emoji_catalog",
    victim: str = "tiny-internvl-64",
    seeds: str = "0,1,2",
) -> None:
    """Print a Markdown table: the release as it is, and clean pictures with its words."""
    specs = [
        RunSpec(
            defense=Method(name=defense), attack=parse_attack(attack), dataset=dataset, victim=victim, seed=int(seed)
        )
        for seed in seeds.split(",")
    ]
    rows = [row("as released", specs, protect.stage)]
    rows += [row(f"clean pictures, {title}", specs, partial(stage, to=to)) for to, title in TITLES.items()]
    print(markdown.table([f"`{defense}`", "told by the words", "right", "protection"], rows))


if __name__ == "__main__":
    typer.run(main)
