"""One finding of an examination of this machine, by its topic."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.doctor import Finding, examine

Examine = Callable[[str], Finding]


@pytest.fixture
def finding(bench_home: Path) -> Examine:
    """The worst finding about a topic, in an empty home."""

    def find(topic: str) -> Finding:
        findings = [each for each in examine() if each.topic == topic]
        return max(findings, key=lambda each: ("ok", "note", "broken").index(each.state))

    return find
