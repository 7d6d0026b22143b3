"""The table of victims is complete."""

import pytest

from bench.victims import HUB, check, family, precision, revision


@pytest.mark.parametrize("name", HUB)
def test_the_catalog_is_complete(name: str) -> None:
    hub = HUB[name]
    check(name)
    assert hub.source.count("/") == 1 and hub.licence and hub.gigabytes > 0
    assert len(hub.commit) == 40 and set(hub.commit) <= set("0123456789abcdef")
    assert family(name)
    assert precision(name) == ("fp32" if name == "smolvlm-256m" else "bf16")
    assert revision(name) == hub.commit
