"""Small damage to files: parts are cut out, doubled, moved or replaced. And a check of error lines."""

import unicodedata
from collections.abc import Sequence

from hypothesis import strategies as st

PLACES = st.floats(0, 1)


@st.composite
def damaged(draw: st.DrawFn, wholes: Sequence[bytes], pieces: Sequence[bytes]) -> bytes:
    """Draw one of the files after one to six changes, with `pieces` or single bytes put in."""
    content = draw(st.sampled_from(wholes))
    for _ in range(draw(st.integers(1, 6))):
        start, end = sorted(int(draw(PLACES) * len(content)) for _ in range(2))
        end = min(end, start + draw(st.sampled_from((0, 1, 4, 40))))
        part, other = content[start:end], int(draw(PLACES) * len(content))
        change = draw(st.sampled_from(("cut", "double", "move", "piece", "byte")))
        if change == "move":
            rest = content[:start] + content[end:]
            content = rest[:other] + part + rest[other:]
            continue
        byte = st.integers(0, 255).map(lambda value: bytes([value]))
        new = {"cut": b"", "double": part * 3, "piece": None, "byte": draw(byte)}[change]
        content = content[:start] + (draw(st.sampled_from(pieces)) if new is None else new) + content[end:]
    return content


def check_line(line: object, longest: int = 2000) -> None:
    """Fail unless an error is one line of bounded length without characters that steer a terminal."""
    text = str(line)
    assert text and len(text) < longest and "\n" not in text
    assert all(character.isprintable() or unicodedata.category(character) == "Zs" for character in text), ascii(text)
