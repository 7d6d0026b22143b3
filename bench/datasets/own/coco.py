"""COCO captions: one JSON object with images and their captions. Other JSON objects are told what to be made into."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.datasets.own.rows import RawRow
from bench.errors import UserError

ALLOWED = "a list of objects, one a row, or COCO captions (images and annotations with captions)"


def read_coco(content: dict[str, Any], name: str, split: str, folder: Path) -> Iterator[RawRow | UserError]:
    """Yield a row for each image: its first caption is learned, and all of its captions are references.

    Pictures are in `folder` or in its folder `images`. Raises UserError for another JSON object.
    """
    images, annotations = content.get("images"), content.get("annotations")
    if "questions" in content or (images is None and isinstance(annotations, list)):
        raise UserError(
            f"{name}: questions or annotations of VQAv2, which are two files; allowed: one list of both, such as "
            '{"file_name": "1.jpg", "question": "...", "answer": multiple_choice_answer, "answers": [...]}'
        )
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise UserError(f"{name}: an object with {_keys(content)}; allowed: {ALLOWED}")
    captions: dict[str, list[Any]] = {}
    for number, note in enumerate(annotations, start=1):
        if not isinstance(note, dict) or "image_id" not in note or "caption" not in note:
            raise UserError(f"{name}, annotation {number}: no image_id and caption; allowed: {ALLOWED}")
        captions.setdefault(str(note["image_id"]), []).append(note["caption"])
    for number, image in enumerate(images, start=1):
        where = f"{name}, image {number}"
        if not isinstance(image, dict) or "id" not in image or not isinstance(image.get("file_name"), str):
            yield UserError(f"{where}: no id and file_name; allowed: an object with both")
            continue
        texts = captions.pop(str(image["id"]), [])
        if texts:
            file = _picture(image["file_name"], folder)
            yield RawRow(where, split, {"file_name": file, "caption": texts[0], "answers": texts, "id": image["id"]})
        else:
            yield UserError(f"{where}: no caption; allowed: one or more for each image")
    for missing, texts in captions.items():
        yield UserError(
            f"{name}: {len(texts)} captions of image {missing[:80]!r}, which is not listed; allowed: listed"
        )


def _picture(file_name: str, folder: Path) -> str:
    try:
        if not (folder / file_name).exists() and (folder / "images" / file_name).exists():
            return f"images/{file_name}"
    except (OSError, ValueError):  # too long a name, a zero byte
        pass
    return file_name


def _keys(content: dict[str, Any]) -> str:
    return ", ".join(repr(str(key)[:40]) for key in list(content)[:8]) or "no keys"
