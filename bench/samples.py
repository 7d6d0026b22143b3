"""Image-text samples. A set of them is stored as PNG files and UTF-8 text, as a Hugging Face ImageFolder."""

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from PIL import Image

from bench.errors import UserError
from bench.lazy import Picture, PictureCache, Spool
from bench.pictures import open_picture

if TYPE_CHECKING:
    from datasets import Dataset

Rule = Literal["exact", "choice", "vqa", "anls", "caption"]
"""The name of the rule in `bench.scoring.rules` that judges an answer."""

NOTHING = np.zeros((0, 0, 3), np.uint8)
"""The pixels of a sample whose picture comes later."""

FILE_NAME = re.compile(r"\w[\w.-]{0,127}")


@dataclass(frozen=True)
class Sample:
    """A question about a picture. `pixels` is (H, W, 3) uint8 in 0..255; samples about one picture share `image_id`.

    answer: the text to train on. answers: all accepted answers, repeated if several people gave the same one; empty if
    only `answer` is accepted. choices: the options A, B, ... that the question lists. rule: the rule that judges an
    answer. The pixels may be in a file, and are read each time that they are asked for.

    >>> Sample("s0", "p0", np.zeros((4, 4, 3), np.uint8), "What is this?", "bus").texts
    {'id': 's0', 'question': 'What is this?', 'answer': 'bus'}
    """

    id: str
    image_id: str
    pixels: np.ndarray
    question: str
    answer: str
    answers: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    rule: Rule = "exact"

    @property
    def texts(self) -> dict[str, Any]:
        """All fields but the picture, as plain JSON, without empty lists and the rule `exact`."""
        optional = {"answers": list(self.answers), "choices": list(self.choices), "rule": self.rule}
        present = {key: value for key, value in optional.items() if value and value != "exact"}
        return {"id": self.id, "question": self.question, "answer": self.answer, **present}

    @property
    def picture(self) -> np.ndarray | Picture:
        """The pixels, or the picture that reads them. Samples with the same object have the same pixels."""
        picture: np.ndarray | Picture = self.__dict__["pixels"]
        return picture

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the pixels, which are not read for it."""
        return self.picture.shape

    def change(self, **fields: Any) -> "Sample":
        """Return the sample with other fields, as `dataclasses.replace` does, but leave the pixels where they are.

        `pixels` may be a `Picture`.
        """
        sample = object.__new__(Sample)
        sample.__dict__.update(self.__dict__ | fields)
        return sample

    def with_release(self, pixels: np.ndarray | Picture, question: str) -> "Sample":
        """Return the sample with the picture and the question that a defense releases."""
        return self.change(pixels=pixels, question=question)


def _read_pixels(sample: Sample) -> np.ndarray:
    picture = sample.picture
    return picture.read() if isinstance(picture, Picture) else picture


def _set_pixels(sample: Sample, picture: np.ndarray | Picture) -> None:
    sample.__dict__["pixels"] = picture


Sample.pixels = property(_read_pixels, _set_pixels)  # type: ignore[assignment]


@dataclass(frozen=True)
class SampleSet(Sequence[Sample]):
    """An ordered set of samples.

    >>> black = np.zeros((4, 4, 3), np.uint8)
    >>> samples = SampleSet((Sample("s0", "p0", black, "What is this?", "bus"),))
    >>> len(samples), samples[0].answer, len(samples.digest)
    (1, 'bus', 16)
    """

    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        return len(self.samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Sample, ...]: ...
    def __getitem__(self, index: int | slice) -> Sample | tuple[Sample, ...]:
        """Return the sample at an index, or a tuple of samples for a slice."""
        return self.samples[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that change with any pixel, text or id, and with the order."""
        digest = hashlib.sha256()
        for s in self.samples:
            head = json.dumps([s.texts, s.image_id, s.shape], ensure_ascii=False)
            digest.update(head.encode() + np.ascontiguousarray(s.pixels).tobytes())
        return digest.hexdigest()[:16]

    def with_pictures(self, pictures: Spool[str]) -> "SampleSet":
        """Return the samples with other pictures, by image_id. They are read when they are asked for."""
        chosen = {key: pictures.picture(key) for key in dict.fromkeys(s.image_id for s in self.samples)}
        return SampleSet(tuple(s.change(pixels=chosen[s.image_id]) for s in self.samples))

    def to_dataset(self) -> "Dataset":
        """Return a `datasets.Dataset` with the columns id, image_id, image and those of `Sample.texts`."""
        from datasets import Dataset
        from datasets import Image as ImageFeature

        fields = ("id", "image_id", "question", "answer", "rule")
        columns = {key: [getattr(s, key) for s in self.samples] for key in fields}
        lists = {key: [list(getattr(s, key)) for s in self.samples] for key in ("answers", "choices")}
        images = [{"bytes": encode_png(s.pixels), "path": None} for s in self.samples]
        return Dataset.from_dict({**columns, **lists, "image": images}).cast_column("image", ImageFeature())

    def save(self, folder: Path) -> None:
        """Write `metadata.jsonl` and `images/<image_id>.png`. Raises UserError if an image_id is no safe file name."""
        for image_id in {s.image_id for s in self.samples}:
            if not FILE_NAME.fullmatch(image_id):
                raise UserError(f"image_id: {image_id!r}; allowed: letters, digits, '_', '-' and '.', not '.' first")
        (folder / "images").mkdir(parents=True)
        for image_id, sample in {s.image_id: s for s in self.samples}.items():
            (folder / "images" / f"{image_id}.png").write_bytes(encode_png(sample.pixels))
        rows = [{"file_name": f"images/{s.image_id}.png", **s.texts} for s in self.samples]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "metadata.jsonl").write_text(text, encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> "SampleSet":
        """Read a folder that `save` wrote. Raises UserError for a picture that is outside it, too large, or not RGB.

        Every picture is decoded here, and again when it is asked for later than many others.
        """
        pictures, cache = dict[Path, Picture](), PictureCache()
        samples = []
        for line in filter(None, (folder / "metadata.jsonl").read_bytes().decode().split("\n")):
            row = json.loads(line)
            file = (folder / row["file_name"]).resolve()
            if not file.is_relative_to(folder.resolve()):
                raise UserError(f"file_name: {row['file_name']!r} leaves the folder of the data set")
            if file not in pictures:
                pictures[file] = Picture(partial(_read_png, file), cache)
            answers, choices = (tuple(row.get(key, ())) for key in ("answers", "choices"))
            texts = (row["question"], row["answer"], answers, choices, row.get("rule", "exact"))
            samples.append(Sample(row["id"], file.stem, NOTHING, *texts).change(pixels=pictures[file]))
        return SampleSet(tuple(samples))


def encode_png(pixels: np.ndarray) -> bytes:
    """Return (H, W, 3) uint8 pixels as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _read_png(file: Path) -> np.ndarray:
    """Return the pixels of an RGB file. Palettes and alpha are refused: the pixels of a release must be unambiguous."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{file.name}: gone from {file.parent}; allowed: a file that stays while it is used") from None
    with open_picture(data, file.name, ("PNG",)) as picture:
        if picture.mode != "RGB":
            raise UserError(f"{file.name}: mode {picture.mode}; allowed: RGB")
        return np.asarray(picture)
