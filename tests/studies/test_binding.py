"""The sweep of binding prints attention masses of each combination, and its clean column is without the release."""

from pathlib import Path

import numpy as np
import pytest

from studies import binding


def test_a_sweep_prints_two_rows_a_combination(bench_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binding.main(attack="lora_sft(epochs=1)", dataset="emoji_smoke", bind="2", tau="0.1", layers="1", candidates="1")
    first, second = capsys.readouterr().out.strip().split("\n\n")
    head, _, *lines = first.splitlines()
    titles, rows = head.split(" | "), [line.strip("| ").split(" | ") for line in lines]
    assert [row[:5] for row in rows] == [["2", "0.1", "1", "1", state] for state in ("as it is", "fine-tuned")]
    for row in rows:
        assert len(row) == len(titles)
        masses = [float(cell.split(" ± ")[0]) for cell in row[5:-1]]
        assert all(0 < mass < 1 for mass in masses)
    clean, protected = (float(cell.split(" ± ")[0]) for cell in rows[0][5:7])
    assert protected > clean, "the victim as it is attends more to words that were chosen for it"
    assert len(second.splitlines()) == 2, "one value of each option has no effect"


def release(weight: float, tau: float, gain: float, accuracy: float) -> binding.Release:
    """Return a release whose first mass grows by `gain`."""
    clean, protected = np.zeros((2, 3, 4))
    protected[0] = gain
    options = {"lambda_bind": weight, "tau": tau, "layers": 1, "candidates": 16}
    return binding.Release(options, dict.fromkeys(binding.STATES, np.stack([clean, protected])), accuracy)


def test_the_effect_of_an_option_is_over_pairs_that_differ_in_nothing_else() -> None:
    releases = [
        release(0, 0.1, 0.1, 0.5),
        release(2, 0.1, 0.4, 0.4),
        release(0, 0.25, 0.2, 0.7),
        release(2, 0.25, 0.3, 0.4),
    ]
    changes = binding.differences(releases, "lambda_bind", 0, 2)
    np.testing.assert_allclose(changes["answer → trigger"], [0.3, 0.1])
    np.testing.assert_allclose(changes["accuracy"], [-0.1, -0.3])
    grid = {"lambda_bind": [0.0, 2.0], "tau": [0.1, 0.25], "layers": [1.0], "candidates": [16.0]}
    first, second = binding.effect_rows(releases, grid)
    assert first[:3] == ["λ: 0 to 2", "2", "+0.200 ± 1.271"], "12.706, the quantile of t with one degree, times 0.1"
    assert first[-1].startswith("-20.0% ± 127") and second[0] == "τ: 0.1 to 0.25"
