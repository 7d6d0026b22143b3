"""Fixtures: no model on this machine but the embedded ones, and a local checkpoint of LLaVA's architecture."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.victims import revision


@pytest.fixture(autouse=True)
def _no_hub_cache(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(bench_home / "hub"))
    monkeypatch.delenv("BENCH_MODELS", raising=False)
    revision.cache_clear()


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Path]:
    """A local checkpoint of LLaVA's architecture."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llava"}))
    for name in ("model.safetensors", "chat_template.jinja", "merges.txt", "card.json", "README.md"):
        (folder / name).write_text(name)
    revision.cache_clear()
    yield folder
    revision.cache_clear()
