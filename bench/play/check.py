"""One thing that was looked at in a submission or in its provenance file."""

from typing import NamedTuple


class Check(NamedTuple):
    """A property that was looked at: what it is, and what was found, which is `wrong` or not."""

    name: str
    text: str
    wrong: bool = False
