"""A game: what two runs must share for their defenses to be compared. This is its only definition."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd


class Game(NamedTuple):
    """The columns of a run that name its game.

    surrogates: the owner's models by name, with commas. epsilon: the pixel budget in levels of 0..255. words: the word
    budget.
    """

    dataset: str
    victim: str
    threat: str
    surrogates: str
    epsilon: int
    words: int

    @property
    def title(self) -> str:
        """The game in words, without budgets; the owner's models where these are not the victim itself.

        >>> Game("tags", "tiny-llava-a", "black", "tiny-gemma3,tiny-qwen3vl", 8, 5).title
        'tags, tiny-llava-a, black box, crafted on tiny-gemma3 and tiny-qwen3vl'
        """
        models = "" if self.surrogates in ("", self.victim) else self.surrogates.replace(",", " and ")
        return f"{self.dataset}, {self.victim}, {self.threat} box" + (f", crafted on {models}" if models else "")


GAME_COLUMNS = list(Game._fields)


def split_games(runs: pd.DataFrame) -> Iterator[tuple[Game, pd.DataFrame]]:
    """Yield each game with its runs, in the order of their first runs.

    >>> row = {"dataset": "tags", "victim": "tiny-llava-a", "threat": "white", "surrogates": "tiny-llava-a", "words": 5}
    >>> [game.epsilon for game, runs in split_games(pd.DataFrame([{**row, "epsilon": 8}, {**row, "epsilon": 4}]))]
    [8, 4]
    """
    for _, game in runs.groupby(GAME_COLUMNS, sort=False):
        first = game.iloc[0]
        texts = (first["dataset"], first["victim"], first["threat"], first["surrogates"])
        yield Game(*texts, epsilon=int(first["epsilon"]), words=int(first["words"])), game
