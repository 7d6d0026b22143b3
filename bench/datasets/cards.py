"""What every named data set is, as plain facts: nothing is loaded to list or to plan them."""

from typing import NamedTuple


class Card(NamedTuple):
    """A data set: the module whose `load(split)` gives its samples, in one line what it is, and its licence."""

    module: str
    summary: str
    licence: str


class HubCard(NamedTuple):
    """A data set of the hub: `repo` at the pinned commit `revision`, the `files` of it that are read, and their size.

    `module`: its adapter. It is played once `bench data prepare` has made its Arrow files.
    """

    module: str
    summary: str
    licence: str
    repo: str
    revision: str
    files: tuple[str, ...]
    megabytes: int


EMBEDDED: dict[str, Card] = {
    "emoji_catalog": Card("bench.datasets.emoji.catalog", "96 emoji concepts to be named", "MIT"),
    "emoji_smoke": Card("bench.datasets.emoji.smoke", "a corner of emoji_catalog, to try things on", "MIT"),
}

HUB: dict[str, HubCard] = {}
