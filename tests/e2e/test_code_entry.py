"""A defense that a stranger sends as one Python file: checked, made in the sandbox, audited, attacked and scored."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.test_run import bench

CODE = '''"""Random noise, as somebody would send it in."""

import numpy as np

from bench.samples import SampleSet
from defenses.base import Card, Defense, Protected


class Noise(Defense):
    """Noise of at most four levels."""

    card = Card("own", "nothing", "pictures", "none", "none")

    def protect(self, samples, surrogates, budget, rng, progress):
        def noisy(pixels):
            return np.clip(pixels + rng.integers(-4, 5, pixels.shape), 0, 255).astype(np.uint8)

        return Protected(SampleSet(tuple(s.with_release(noisy(s.pixels), s.question) for s in samples)))
'''


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_a_file_of_code_gets_from_a_folder_to_a_row(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "noise"
    folder.mkdir()
    (folder / "noise.py").write_text(CODE)
    digest = hashlib.sha256(CODE.encode()).hexdigest()
    (folder / "submission.yaml").write_text(
        "version: 2\nkind: code\ntitle: Noise of four levels\nauthors: [somebody]\nlicence: MIT\n"
        f"file: noise.py\nsha256: {digest}\n"
    )
    name = f"code_{digest[:16]}"
    checked = bench(home, "submit", "validate", str(folder))
    assert checked.returncode == 0 and name in checked.stdout, checked.stderr
    assert bench(home, "submit", "run", str(folder), "--first", "--dry-run").returncode == 0
    played = bench(
        home, "run", "--defense", name, "--attack", "lora_sft", "-a", "epochs=1", "--dataset", "emoji_smoke", "--json"
    )
    assert played.returncode == 0, played.stderr
    (row,) = json.loads(played.stdout)["runs"]
    assert row["stealth"]["linf"] == 4
    assert 0 <= row["utility"] <= 1
