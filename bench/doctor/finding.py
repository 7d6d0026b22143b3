"""One finding of an examination."""

from typing import Literal, NamedTuple

State = Literal["ok", "note", "broken"]


class Finding(NamedTuple):
    """A fact about this machine.

    state: "broken" where nothing can be played before it is mended, "note" where a part of the suite will not work.
    mend: what to do about it; "" where there is nothing to do.
    """

    topic: str
    state: State
    text: str
    mend: str = ""
