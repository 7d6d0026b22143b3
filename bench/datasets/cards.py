"""A card for every named data set: plain facts, so that listing and planning load nothing."""

from typing import NamedTuple


class DatasetCard(NamedTuple):
    """An embedded data set: the module whose `load(split)` returns its samples, a one-line summary, and its licence.

    `depends_on`: other packages and modules whose code or pictures it uses; they are part of its identity.
    """

    module: str
    summary: str
    licence: str
    depends_on: tuple[str, ...] = ()


class HubCard(NamedTuple):
    """A data set of the hub: `repo` at the pinned commit `revision`, the `files` that are read, and their size.

    `module`: its adapter. It can be played after `bench data prepare` has written its Arrow files.
    """

    module: str
    summary: str
    licence: str
    repo: str
    revision: str
    files: tuple[str, ...]
    megabytes: int


_TABLES = "bench.datasets.picture_tables"
_EMOJI = ("bench.datasets.emoji", "bench.datasets.near_duplicates", _TABLES)

EMBEDDED: dict[str, DatasetCard] = {
    "emoji_catalog": DatasetCard("bench.datasets.emoji.catalog", "65 emoji concepts to be named", "MIT", (_TABLES,)),
    "emoji_few": DatasetCard(
        "bench.datasets.few.catalog",
        "24 concepts of emoji_catalog, for slow victims",
        "MIT",
        ("bench.datasets.emoji", _TABLES),
    ),
    "emoji_smoke": DatasetCard(
        "bench.datasets.emoji.smoke", "a corner of emoji_catalog, to try things on", "MIT", (_TABLES,)
    ),
    "photos": DatasetCard(
        "bench.datasets.photos.album",
        "photographs: kind, name and caption",
        "public domain and CC0",
        (_TABLES,),
    ),
    "scenes": DatasetCard(
        "bench.datasets.scenes.catalog", "what is where, how many, on which colour: options", "MIT", _EMOJI
    ),
    "tags": DatasetCard("bench.datasets.tags.catalog", "words, prices and dates to be read", "Apache-2.0", _EMOJI),
}


def _shards(path: str, count: int, used: int | None = None) -> tuple[str, ...]:
    """Return the names `path-00000-of-00003.parquet` and so on: the first `used` of `count`, by default all."""
    return tuple(f"{path}-{number:05d}-of-{count:05d}.parquet" for number in range(count if used is None else used))


HUB: dict[str, HubCard] = {
    "realworldqa": HubCard(
        "bench.datasets.hub.realworldqa",
        "everyday scenes, most from cars: options or a short answer",
        "CC BY-ND 4.0",
        "xai-org/RealworldQA",
        "17e7f75e092e47169732462ea3cdfebe911105dd",
        _shards("data/test", 2),
        680,
    ),
    "mmstar": HubCard(
        "bench.datasets.hub.mmstar",
        "all kinds of pictures, four options",
        "not stated",
        "Lin-Chen/MMStar",
        "bc98d668301da7b14f648724866e57302778ab27",
        ("mmstar.parquet",),
        42,
    ),
    "scienceqa": HubCard(
        "bench.datasets.hub.scienceqa",
        "school questions about pictures, with options",
        "CC BY-NC-SA 4.0",
        "derek-thomas/ScienceQA",
        "f18b0a70359ebfb41f658fd564208d0355b013f4",
        (
            "data/train-00000-of-00001-1028f23e353fbe3e.parquet",
            "data/validation-00000-of-00001-6c7328ff6c84284c.parquet",
            "data/test-00000-of-00001-f0e719df791966ff.parquet",
        ),
        630,
    ),
    "vqa-rad": HubCard(
        "bench.datasets.hub.vqa_rad",
        "radiographs: yes or no, or a short answer",
        "CC0 1.0",
        "flaviagiammarino/vqa-rad",
        "bcf91e7654fb9d51c8ab6a5b82cacf3fafd2fae9",
        (
            "data/train-00000-of-00001-eb8844602202be60.parquet",
            "data/test-00000-of-00001-e5bc3d208bb4deeb.parquet",
        ),
        34,
    ),
    "textvqa": HubCard(
        "bench.datasets.hub.textvqa",
        "text in photographs, ten people's answers each",
        "CC BY 4.0",
        "lmms-lab/textvqa",
        "9c0699cd19768ac5ab97568f6b3cbac4c0062884",
        (*_shards("data/train", 20, 2), *_shards("data/validation", 3)),
        1600,
    ),
    "docvqa": HubCard(
        "bench.datasets.hub.docvqa",
        "scanned pages, answered with words that stand on them",
        "Apache-2.0 as its card says; pages of the UCSF Industry Documents Library",
        "lmms-lab/DocVQA",
        "539088ef8a8ada01ac8e2e6d4e372586748a265e",
        (*_shards("DocVQA/train", 12, 1), *_shards("DocVQA/validation", 6)),
        4000,
    ),
    "flickr8k": HubCard(
        "bench.datasets.hub.flickr8k",
        "photographs with five captions each",
        "not stated; Flickr's terms, for research",
        "jxie/flickr8k",
        "56f58c967835f7c508d684f36bd7897cca9d7634",
        (
            "data/train-00000-of-00002-2f8f6bfa852eac4b.parquet",
            "data/train-00001-of-00002-2173151d8cd6c7fb.parquet",
            "data/validation-00000-of-00001-7025a2b596f14b7b.parquet",
            "data/test-00000-of-00001-42a2661d12c73e48.parquet",
        ),
        1100,
    ),
}
"""The six of MMGuard's paper (section 6.1) and a captioning set. docs/data.md says what is known of each."""
