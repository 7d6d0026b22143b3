"""What a platform leaves: both sides go through the same steps, and the table has a row for each platform."""

from pathlib import Path

import numpy as np
import pytest

from bench.datasets import load
from bench.samples import SampleSet
from bench.spec import Method
from studies import platforms


def test_a_reduced_picture_keeps_the_share_of_a_photograph() -> None:
    pixels = load("emoji_smoke", "train")[0].pixels
    large = platforms.enlarge(pixels)
    assert large.shape == (4 * pixels.shape[0], 4 * pixels.shape[1], 3)
    assert platforms.reduce(large).shape[0] / large.shape[0] == pytest.approx(1080 / 4032, abs=0.01)


def test_both_sides_are_copied_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[SampleSet] = []

    def learn(_: object, samples: SampleSet) -> np.ndarray:
        learned.append(samples)
        return np.full(len(load("emoji_smoke", "test")), 0.5 if len(learned) % 2 == 0 else 1.0)

    monkeypatch.setattr(platforms.Trainer, "ask", lambda *_: np.zeros(len(load("emoji_smoke", "test"))))
    monkeypatch.setattr(platforms.Trainer, "learn", learn)
    monkeypatch.setattr(platforms, "PLATFORMS", {"JPEG 60": platforms.PLATFORMS["JPEG 60"]})
    head, _, *rows = platforms.measure("random_noise", "tiny-internvl", "emoji_smoke").splitlines()
    assert head.split(" | ")[-1] == "protection |" and len(rows) == 3
    assert all(row.endswith("+0.50 [+0.50, +0.50] |") for row in rows)
    clean, release, *_ = learned
    sent = load("emoji_smoke", "train")[0].pixels
    assert (clean[0].pixels == platforms.PLATFORMS["JPEG 60"].copy(sent)).all()
    assert (clean[0].pixels != release[0].pixels).any()
    assert learned[-1][0].pixels.shape[0] < learned[-3][0].pixels.shape[0] / 3


def test_the_table_is_written_into_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "protect.md"
    page.write_text("Before\n\n<!-- table: platforms -->\n<!-- end -->\n", encoding="utf-8")
    monkeypatch.setattr(platforms, "PAGE", page)
    monkeypatch.setattr(platforms, "measure", lambda *_: "| a |")
    platforms.main(Method(name="em").name, write=True)
    assert "| a |" in page.read_text(encoding="utf-8")
