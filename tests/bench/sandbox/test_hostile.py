"""Code entries that mean harm: each is contained, ends with one clear line, and nothing outside is touched."""

import os
import socket
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.samples import SampleSet
from bench.sandbox import name, protect
from bench.spec import Budget
from tests.bench.sandbox.conftest import LONG, TIGHT, Play, command_line
from tests.bench.sandbox.entries import BODIES, DEEDS, FILES, LOOKS, PRELUDE

pytestmark = pytest.mark.slow

ALLOWED_IN_A_CONTAINER = {"root", "a namespace of its own"}
"""Deeds that a container does not refuse: there the process is root of a namespace in which it may do nothing more."""

FOREVER = {
    "runs for ever",
    "sleeps",
    "ignores signals",
    "a bomb of processes",
    "a pipe in the way",
    "progress without end",
}
"""Entries that end by the clock alone."""


@pytest.mark.parametrize("look", LOOKS)
def test_what_is_not_its_business_is_not_seen(play: Play, look: str) -> None:
    seen = play(f"return Protected(samples, {{{{'seen': attempt(lambda: {LOOKS[look]})}}}})").log["seen"]
    assert "sesame" not in seen
    if "environment" not in look:
        assert seen.startswith("refused: ") or seen == "[]", seen


@pytest.mark.parametrize("deed", DEEDS)
def test_what_reaches_outside_fails(play: Play, tmp_path: Path, deed: str) -> None:
    if deed in ALLOWED_IN_A_CONTAINER and name() in ("podman", "docker"):
        pytest.skip("docs/design/sandbox.md says so")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as unix:
        path = str(tmp_path / "socket")
        unix.bind(path)
        unix.listen()
        body = f"return Protected(samples, {{{{'done': attempt(lambda: {DEEDS[deed]})}}}})"
        done = play(body, port=server.getsockname()[1], socket=path, judge=os.getpid()).log["done"]
        for listening in (server, unix):
            listening.settimeout(0)
            with pytest.raises(BlockingIOError):
                listening.accept()
    assert done.startswith("refused: "), done


@pytest.mark.parametrize("entry", BODIES)
def test_a_bad_body_is_one_line(play: Play, entry: str) -> None:
    body, told = BODIES[entry]
    with pytest.raises(UserError) as error:
        play(body, TIGHT if entry in FOREVER else LONG)
    assert told in str(error.value)
    assert str(error.value).isprintable() and len(str(error.value)) < 600


@pytest.mark.parametrize("entry", FILES)
def test_a_bad_file_is_one_line(play: Play, entry: str) -> None:
    text, told = FILES[entry]
    with pytest.raises(UserError) as error:
        play(text, TIGHT if "no end" in entry else LONG, whole=True)
    assert told in str(error.value)
    assert str(error.value).startswith("defense 'entry.py': ")
    assert str(error.value).isprintable()


def test_a_daemon_ends_with_the_entry(play: Play, samples: SampleSet) -> None:
    body = "if os.fork() == 0: os.setsid(); os.execv('/bin/sleep', ['sleep', '98765.4321'])\nreturn Protected(samples)"
    assert play(body).samples.digest == samples.digest
    assert not [p for p in Path("/proc").iterdir() if p.name.isdigit() and "98765.4321" in command_line(int(p.name))]


def test_only_the_pipes_are_open(play: Play) -> None:
    body = "return Protected(samples, {{'open': [os.readlink(f'/proc/self/fd/{{n}}') for n in range(3)]}})"
    names = play(body).log["open"]
    assert names[0] == "/dev/null" and all(name.startswith("pipe:") for name in names[1:])


def test_a_surrogate_is_there_and_no_other_model(tmp_path: Path, outside: dict[str, str], samples: SampleSet) -> None:
    """The owner of a black box sees an ensemble, and never the victim."""
    file = tmp_path / "entry.py"
    folder = f"{outside['root']}/bench/lvlm/embedded/checkpoints"
    log = f"{{'models': os.listdir({folder!r}), 'names': [s.name for s in surrogates]}}"
    file.write_text(PRELUDE.format() + f"        return Protected(samples, {log})")
    made = protect(file, {}, samples, ("tiny-qwen3vl",), Budget(), 0)
    assert made.log == {"models": ["tiny-qwen3vl"], "names": ["tiny-qwen3vl"]}


def test_ctrl_c_ends_it(tmp_path: Path, outside: dict[str, str], samples: SampleSet) -> None:
    def interrupt(fraction: float, note: str) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "entry.py"
    file.write_text(PRELUDE.format() + "        time.sleep(1); progress(0.5, ''); time.sleep(999)")
    with pytest.raises(KeyboardInterrupt):
        protect(file, {}, samples, (), Budget(), 0, progress=interrupt)
