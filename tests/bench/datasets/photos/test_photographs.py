"""The committed photographs: their authors, their captions, and that none is in two splits."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.near_duplicates import MAX_DISTANCE, find_near_duplicates, perceptual_hash
from bench.datasets.photos import photographs as module
from bench.datasets.photos.photographs import FREQUENT, Photograph, frequent_names, photographs, split_by_file
from bench.spec import identity

SIZES = {"train": 113, "validation": 37, "test": 78}
KINDS = {
    "monument": 69,
    "tool": 38,
    "animal": 29,
    "fish": 28,
    "renewable energy": 28,
    "household item": 16,
    "planet": 8,
    "music": 6,
    "sea": 6,
}


def members(split: str) -> list[Photograph]:
    return [photo for photo in photographs() if split_by_file()[photo.file] == split]


def test_every_photograph_is_free_and_says_whose_it_is() -> None:
    assert Counter(photo.licence for photo in photographs()) == {"Public domain": 142, "CC0-1.0": 86}
    for photo in photographs():
        assert photo.source.startswith("https://"), photo.file
        assert photo.author and photo.author == photo.author.strip(), photo.file
        assert not photo.author.startswith("Copyright"), photo.file


def test_the_photographs_are_the_committed_ones() -> None:
    files = [photo.file for photo in photographs()]
    assert files == sorted(set(files))
    assert Counter(photo.kind for photo in photographs()) == KINDS
    assert {photo.picture.mode for photo in photographs()} == {"RGB"}
    assert {max(photo.picture.size) for photo in photographs()} == {128}
    assert min(min(photo.picture.size) for photo in photographs()) >= 40
    assert (Path(module.__file__).parent / "photos.parquet").stat().st_size < 3_000_000


def test_every_photograph_shows_something() -> None:
    assert min(np.asarray(photo.picture).std() for photo in photographs()) > 10


def test_captions_are_short_english_sentences_with_what_is_shown() -> None:
    for photo in photographs():
        caption = photo.caption
        assert caption == " ".join(caption.split()) and caption.isascii(), caption
        assert caption[0].isupper() and caption.endswith(".") and caption.count(".") == 1, caption
        assert 3 <= len(caption.split()) <= 12, caption
        assert photo.name == photo.name.lower().strip() and photo.kind == photo.kind.lower().strip()
    named = {photo.name: photo for photo in photographs() if photo.name in {"hammer", "windmill", "fish", "planet"}}
    assert len(named) == 4
    assert all(name in photo.caption for name, photo in named.items())


def test_no_photograph_is_there_twice() -> None:
    hashes = np.array([perceptual_hash(np.asarray(photo.picture)) for photo in photographs()])
    assert len(np.unique(hashes, axis=0)) == len(hashes)
    assert not len(find_near_duplicates(hashes, MAX_DISTANCE))


def test_each_photograph_is_in_one_split() -> None:
    assert Counter(split_by_file().values()) == SIZES
    assert set(split_by_file()) == {photo.file for photo in photographs()}


def test_the_split_is_the_one_that_numbers_were_measured_with() -> None:
    assert identity(sorted(split_by_file().items())) == "15f3c92dd71417d7"


def test_photographs_of_one_thing_are_in_one_split() -> None:
    subjects: dict[str, set[str]] = {}
    for photo in photographs():
        subjects.setdefault(photo.subject or photo.file, set()).add(split_by_file()[photo.file])
    assert all(len(splits) == 1 for splits in subjects.values())
    assert {"Eiffel Tower", "Statue of Liberty"} <= {photo.subject for photo in photographs()}
    titles = [photo.title for photo in photographs() if photo.kind == "monument" and photo.subject == ""]
    assert {title for title, n in Counter(titles).items() if n > 1} <= {"monument", "victoria memorial"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_in_every_split_in_proportion(kind: str) -> None:
    total = KINDS[kind]
    for split, share in {"train": 1 / 2, "validation": 1 / 6, "test": 1 / 3}.items():
        assert abs(sum(photo.kind == kind for photo in members(split)) - share * total) <= 2


def test_a_name_that_is_asked_for_can_be_learned() -> None:
    count = Counter(photo.name for photo in photographs())
    assert frequent_names() == {name for name in count if count[name] >= FREQUENT}
    assert len(frequent_names()) == 18
    taught = Counter(photo.name for photo in members("train"))
    assert all(taught[name] >= 2 for name in frequent_names())
    assert all(any(photo.name == name for photo in members("test")) for name in frequent_names())
