"""The benchmark of the start: less garbage is collected, so a process ends sooner than one that collects all."""

from benchmarks import startup


def test_both_ways_are_measured() -> None:
    assert startup.WAYS.keys() == {"as Python collects", "seldom"}
    for way in startup.WAYS.values():
        imports, end = startup.measure(way)
        assert 0 < imports < 300 and 0 <= end < 300
