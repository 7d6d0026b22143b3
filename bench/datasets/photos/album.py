"""`photos`: photographs of which kind, name and a caption are asked. No photograph is in two splits."""

import numpy as np

from bench.datasets.photos.photographs import Photograph, frequent_names, photographs, split_of
from bench.datasets.photos.questions import ALIASES, CAPTION, KIND, NAME
from bench.datasets.photos.views import view
from bench.samples import Sample, SampleSet

VIEWS = {"train": 2, "validation": 0, "test": 0}
"""Random views of each photograph. 0: it is shown once and whole, so that what is judged are so many photographs."""
SEED = 228


def load(split: str) -> SampleSet:
    """Samples of a split: of each view its kind, its name where that recurs, and its caption."""
    count, samples = VIEWS[split], []
    for index, photo in enumerate(photographs()):
        if split_of()[photo.file] != split:
            continue
        for k in range(max(1, count)):
            rng = np.random.default_rng([SEED, index, k])
            pixels = view(photo.picture, rng if count else None)
            samples += _questions(photo, f"{split}-{index:03d}-{k:02d}", pixels, rng)
    return SampleSet(tuple(samples))


def _questions(photo: Photograph, image_id: str, pixels: np.ndarray, rng: np.random.Generator) -> list[Sample]:
    def asked(task: str, phrasings: tuple[str, ...], answer: str) -> Sample:
        answers = (answer, *ALIASES[answer]) if answer in ALIASES else ()
        return Sample(f"{image_id}-{task}", image_id, pixels, str(rng.choice(phrasings)), answer, answers)

    caption = Sample(f"{image_id}-caption", image_id, pixels, str(rng.choice(CAPTION)), photo.caption, rule="caption")
    name = [asked("name", NAME, photo.name)] if photo.name in frequent_names() else []
    return [asked("kind", KIND, photo.kind), *name, caption]
