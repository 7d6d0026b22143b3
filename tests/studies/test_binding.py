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
    assert [row[:6] for row in rows] == [["0", "2", "0.1", "1", "1", state] for state in ("as it is", "fine-tuned")]
    for row in rows:
        assert len(row) == len(titles)
        masses = [float(cell.split(" ± ")[0]) for cell in row[6:-1]]
        assert all(0 < mass < 1 for mass in masses)
    clean, protected = (float(cell.split(" ± ")[0]) for cell in rows[0][6:8])
    assert protected > clean, "the victim as it is attends more to words that were chosen for it"
    assert len(second.splitlines()) == 2, "one value of each option has no effect"


def release(seed: int, weight: float, tau: float, gain: float, accuracy: float) -> binding.Release:
    """Return a release whose first mass grows by `gain`."""
    clean, protected = np.zeros((2, 3, 4))
    protected[0] = gain
    options: binding.Options = {"lambda_bind": weight, "tau": tau, "layers": 1, "candidates": 16}
    return binding.Release(seed, options, dict.fromkeys(binding.STATES, np.stack([clean, protected])), accuracy)


def test_the_effect_of_an_option_is_over_seeds_and_pairs_that_differ_in_nothing_else() -> None:
    releases = [
        release(seed, weight, tau, gain + 0.2 * seed * (weight > 0), accuracy)
        for seed in (0, 1)
        for weight, tau, gain, accuracy in (
            (0, 0.1, 0.1, 0.5),
            (2, 0.1, 0.4, 0.4),
            (0, 0.3, 0.2, 0.7),
            (2, 0.3, 0.3, 0.4),
        )
    ]
    changes = binding.differences(releases, "lambda_bind", 0, 2)
    np.testing.assert_allclose(
        changes["answer → trigger"], [0.2, 0.4], err_msg="the means of 0.3 and 0.1, and 0.2 more"
    )
    np.testing.assert_allclose(changes["accuracy"], [-0.2, -0.2])
    np.testing.assert_allclose(
        binding.differences(releases, "tau", 0.1, 0.3)["accuracy"], [0, 0], err_msg="without binding tau is nothing"
    )
    grid = {"lambda_bind": [0.0, 2.0], "tau": [0.1, 0.3], "layers": [1.0], "candidates": [16.0]}
    first, second = binding.effect_rows(releases, grid)
    assert first == ["λ: 0 to 2", "+0.300 ± 1.271", "+0.000 ± 0.000", "+0.000 ± 0.000", "-20.0% ± 0.0%"]
    assert second[0] == "τ: 0.1 to 0.3" and second[-1] == "+0.0% ± 0.0%"
    (alone,) = binding.effect_rows(releases[:2], {"lambda_bind": [0.0, 2.0]})
    assert alone[-1] == "-10.0%", "one seed has no interval"
