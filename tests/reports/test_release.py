"""The figure of a release is drawn from the published pictures, and nothing in it is over budget."""

import numpy as np
from PIL import Image

from reports import release


def test_the_figure_is_not_stale() -> None:
    with Image.open(release.FIGURE) as figure:
        assert np.array_equal(np.asarray(figure.convert("RGB")), np.asarray(release.draw(*release.find_release()))), (
            "python -m reports.release"
        )


def test_it_shows_a_change_that_is_within_budget() -> None:
    before, after = release.find_release()
    changes = [np.abs(a.pixels.astype(int) - b.pixels).max() for a, b in zip(before, after, strict=True)]
    assert len(changes) >= release.SHOWN and min(changes) > 0 and max(changes) <= 8
