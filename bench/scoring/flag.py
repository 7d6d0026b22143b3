"""A cell as the checks of `bench.scoring.smells` read it, and a flag, which is what a check reports."""

from collections.abc import Mapping
from typing import NamedTuple

from bench.scoring.stats import Estimate


class Cell(NamedTuple):
    """A defense against an attack in one game: means over seeds, with accuracies in [0,1] on the test split.

    defense, attack: labels. baseline: without the release's content; clean, utility: after the attack on clean data and
    on the release. method: the defense's name. control: True where the defense competes with no other.
    protection: of all seeds together, None where it is not defined; seeds: of each seed alone. eligible: the clean gain
    of every seed is. pixels, words: True where the release changed pictures, and where it inserted words.
    """

    defense: str
    attack: str
    method: str
    control: bool
    baseline: float
    clean: float
    utility: float
    protection: Estimate | None
    seeds: Mapping[int, Estimate | None]
    eligible: bool
    pixels: bool
    words: bool


class Flag(NamedTuple):
    """A reason to doubt a number: its kind, the cell that it concerns, and one sentence with numbers.

    An empty defense stands for every defense of the game, an empty attack for every attack.
    """

    kind: str
    defense: str
    attack: str
    text: str

    @property
    def scope(self) -> str:
        """The cell or cells that the flag concerns, in words.

        >>> Flag("under-trained", "", "jpeg", "...").scope
        'every defense × jpeg'
        """
        return f"{self.defense or 'every defense'} × {self.attack or 'every attack'}"
