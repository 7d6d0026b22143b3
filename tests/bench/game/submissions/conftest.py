"""Submissions of version 2 on disk: each kind whole, with changes."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.samples import Sample, SampleSet
from tests.bench.game.submissions.wholes import CODE, COMMON, KINDS, write_sums
from tests.corpus.conftest import run_bench

__all__ = ["run_bench"]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a submission of a kind, with changed fields, and give its YAML file."""

    def written(kind: str, /, **changes: object) -> Path:
        (tmp_path / "mine.py").write_text(CODE)
        if kind == "release" and not (tmp_path / "release").exists():
            pixels = np.full((4, 4, 3), 7, np.uint8)
            SampleSet((Sample("s0", "p0", pixels, "What?", "bus"), Sample("s1", "p1", pixels, "What?", "car"))).save(
                tmp_path / "release"
            )
            write_sums(tmp_path)
        file = tmp_path / "submission.yaml"
        file.write_text(json.dumps({**COMMON, "kind": kind, **KINDS[kind], **changes}, indent=1), encoding="utf-8")
        return file

    return written
