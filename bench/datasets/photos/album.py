"""`photos`: questions about the kind, name and caption of photographs. No photograph is in two splits."""

import numpy as np

from bench.datasets.photos.photographs import Photograph, frequent_names, photographs, split_by_file
from bench.datasets.photos.questions import ALIASES, CAPTION, KIND, NAME
from bench.datasets.photos.views import view
from bench.samples import Sample, SampleSet

VIEWS = {"train": 2, "validation": 0, "test": 0}
"""Random views of each photograph. 0: one view of the whole, so that every judged picture is another photograph."""
SEED = 228


def load(split: str) -> SampleSet:
    """Return the samples of a split: for each view its kind, its name if that is frequent, and its caption."""
    views, samples = VIEWS[split], []
    for index, photo in enumerate(photographs()):
        if split_by_file()[photo.file] != split:
            continue
        for k in range(max(1, views)):
            rng = np.random.default_rng([SEED, index, k])
            pixels = view(photo.picture, rng if views else None)
            samples += _questions(photo, f"{split}-{index:03d}-{k:02d}", pixels, rng)
    return SampleSet(tuple(samples))


def _questions(photo: Photograph, image_id: str, pixels: np.ndarray, rng: np.random.Generator) -> list[Sample]:
    def question(task: str, phrasings: tuple[str, ...], answer: str) -> Sample:
        answers = (answer, *ALIASES[answer]) if answer in ALIASES else ()
        return Sample(f"{image_id}-{task}", image_id, pixels, str(rng.choice(phrasings)), answer, answers)

    caption = Sample(f"{image_id}-caption", image_id, pixels, str(rng.choice(CAPTION)), photo.caption, rule="caption")
    name = [question("name", NAME, photo.name)] if photo.name in frequent_names() else []
    return [question("kind", KIND, photo.kind), *name, caption]
