"""The terminal is never steered by foreign texts, shows no secrets, and may be full, closed or of ASCII alone."""

import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli.display import RunDisplay, summary_table
from bench.cli.output import clean, make_console, plain, prepare_streams
from bench.errors import HIDDEN, hide_secrets, printable
from bench.results import Run

BENCH = [sys.executable, "-m", "bench.cli.main"]
COMMANDS = (["show"], ["list"], ["cache", "ls"], ["power", "--items", "100"], ["--help"])


def bench(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run([*BENCH, *arguments], stderr=subprocess.PIPE, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_output_is_told_as_that(arguments: list[str], finished: Callable[..., Run]) -> None:
    finished()
    with Path("/dev/full").open("w") as full:
        done = bench(*arguments, stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: output: No space left on device; allowed: ")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_pipe_that_is_closed_is_no_news(arguments: list[str], bench_home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = bench(*arguments, stdout=writer)
    os.close(writer)
    assert done.stderr == ""


def test_a_closed_output_is_no_error(bench_home: Path) -> None:
    done = subprocess.run(["sh", "-c", f"'{sys.executable}' -m bench.cli.main list >&-"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [*COMMANDS, ["smells"], ["cache", "gc", "--dry-run"]], ids=" ".join)
def test_an_output_of_ascii_gets_question_marks(arguments: list[str], finished: Callable[..., Run]) -> None:
    finished(defense="größe", victim="模型")
    done = bench(*arguments, stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii", "LANG": "C"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout and done.stdout.isascii()


STEERING = ["\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\b\b", *"\r\x00\u202e\u2066\u2028\ud800\x7f"]


@pytest.mark.parametrize("steering", STEERING, ids=ascii)
@pytest.mark.parametrize("field", ["defense", "attack", "victim", "threat"])
def test_stored_names_do_not_steer_the_terminal(
    cli: Callable, finished: Callable[..., Run], field: str, steering: str
) -> None:
    if steering == "\ud800":
        pytest.skip("no database takes it")
    finished(**{field: f"a{steering}b"})
    for output in (cli("show"), cli("smells")):
        assert output.code == 0
        assert steering not in (output.out + output.err).replace("\r\n", "\n")
    assert printable(f"a{steering}b") in cli("show").out


@pytest.mark.parametrize("steering", STEERING[:9], ids=ascii)
@pytest.mark.parametrize(
    "arguments",
    [["{}"], ["show", "{}"], ["show", "a", "{}"], ["run", "--{}"], ["run", "--defense", "{}", "--attack", "none"],
     ["run", "--defense", "none", "--attack", "{}"], ["run", "--seed", "{}"], ["suite", "plan", "{}"],
     ["submit", "validate", "{}"], ["data", "check", "{}"], ["data", "check", "./{}"],
     ["cache", "gc", "--max-gb", "{}"]],
)  # fmt: skip
def test_arguments_come_back_in_one_line(cli: Callable, arguments: list[str], steering: str) -> None:
    if "\x00" in steering:
        pytest.skip("no argument has it")
    output = cli(*(argument.format(f"x{steering}x") for argument in arguments))
    assert (output.code, output.err.count("\n")) == (2, 1), output
    assert steering not in output.err


@pytest.mark.parametrize(
    "arguments",
    [["leaderboard", "--port", "99999"], ["leaderboard", "--port", "many"], ["run"], ["show", "a", "b"], ["nothing"],
     ["run", "--nothing"], ["power", "--items", "x"], ["run", "--defense", "x" * 300, "--attack", "none"],
     ["run", "--defense", "none", "--attack", "none", "--victim", "x" * 300],
     ["run", "--defense", "none", "--attack", "none", "--victim", "./" + "x" * 300],
     ["run", "--defense", "none", "--attack", "none", "--victim", "a/" * 3000],
     ["data", "check", "x" * 300], ["data", "check", "./" + "x" * 300], ["suite", "plan", "x" * 300 + ".yaml"],
     ["submit", "validate", "y/" * 3000]],
    ids=lambda arguments: " ".join(arguments)[:60],
)  # fmt: skip
def test_bad_arguments_are_one_line(cli: Callable, arguments: list[str]) -> None:
    output = cli(*arguments)
    assert (output.code, output.out, output.err.count("\n")) == (2, "", 1), output
    assert output.err.startswith("error: ")


@given(st.text())
def test_what_is_printed_is_printable_and_nothing_is_lost(text: str) -> None:
    shown = printable(text)
    assert "\n" not in shown
    assert all(character.isprintable() or character.isspace() for character in shown)
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text
    assert clean(text).count("\n") <= text.count("\n") or HIDDEN in clean(text)


@pytest.mark.parametrize("name", ["ckpt/my[v2]", "[red]x[/]", "[/]", "[link=x]y", "a\\[b]", ":smile:", "[bold"])
def test_brackets_are_shown_in_full_everywhere(name: str, finished: Callable[..., Run]) -> None:
    display = RunDisplay(quiet=False)
    display.console = display.progress.live.console = make_console()
    with display.console.capture() as capture:
        display.heading(name)
        with display, display.stage(name) as tick:
            tick(1.0, "")
        display.console.print(summary_table([finished(victim=name)], "2 of 3"))
        display.console.print(plain(name))
    assert capture.get().count(name) >= 4


SECRET = "hunter2-secret"


@pytest.mark.parametrize(
    "text",
    [
        f"PASSWORD={SECRET}", f"password={SECRET}", f"Password: {SECRET}", f"PGPASSWORD={SECRET}", f"pwd={SECRET};x=1",
        f"sslpassword={SECRET}&sslmode=disable", f"token={SECRET}", f"HF_TOKEN={SECRET}", f"api_key={SECRET}",
        f"APIKEY={SECRET}", f"api-key: {SECRET}", f"aws_secret_access_key = {SECRET}", f"AccountKey={SECRET}==",
        f"s3://KEY:{SECRET}@bucket/x", f"https://me:{SECRET}@host/x", f"https://{SECRET}@host/x",
        f"git+https://{SECRET}@host/x", f"postgresql://u:{SECRET}@h/db?password={SECRET}&sslpassword={SECRET}",
        f"redis://:{SECRET}@host", f"{{'password': '{SECRET}'}}", f'{{"api_key": "{SECRET}"}}',
        f"Authorization: Bearer {SECRET}", f"https://h/x?X-Amz-Signature={SECRET}&a=1", f"client_secret={SECRET}",
        f"two: s3://K:{SECRET}@b and ftp://K:{SECRET}@c",
    ],
)  # fmt: skip
def test_a_secret_is_hidden(text: str) -> None:
    assert SECRET not in hide_secrets(text) and HIDDEN in hide_secrets(text)
    assert SECRET not in clean(f"before\n{text}\nafter") and clean(f"before\n{text}\nafter").startswith("before\n")


@pytest.mark.parametrize("variable", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "MY_API_KEY", "my_passwd"])
def test_a_secret_of_the_environment_is_hidden_wherever_it_stands(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SECRET)
    assert hide_secrets(f"401 for url /{SECRET}/x") == f"401 for url /{HIDDEN}/x"


@pytest.mark.parametrize(
    "text",
    ["max_new_tokens=30", "eos_token='</s>'", "pad_token: 0", "tokens=5", "sqlite:////home/me@work/x.sqlite",
     "postgresql://me@host:5432/db?host=/tmp", "own:pets@0123456789abcdef", "tiny-llava-a@fp32", "keyboard=us",
     "key=value", "https://host:8501/x", "special token </s> in row 3"],
)  # fmt: skip
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert hide_secrets(text) == text


@pytest.mark.parametrize("url", [f"ftp://KEY:{SECRET}@127.0.0.1:1/x", f"nothing://x?PASSWORD={SECRET}"])
def test_the_shared_store_tells_no_secrets(
    cli: Callable, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BENCH_ARTIFACTS", url)
    output = cli("cache", "push")
    assert output.code == 2
    assert SECRET not in output.err + output.out and "***" in output.err


def test_json_stays_json(cli: Callable, finished: Callable[..., Run]) -> None:
    run = finished(provenance={"reused": [], "password": SECRET, "url": f"s3://K:{SECRET}@b", "text": "a\x1b"})
    output = cli("show", run.id)
    provenance = json.loads(output.out)["provenance"]
    assert provenance["password"] == HIDDEN
    assert provenance["text"] == "a\x1b", "escaped as JSON does"
    assert SECRET not in output.out


def test_warnings_are_clean_and_of_one_line(finished: Callable[..., Run], bench_home: Path) -> None:
    """Here a row whose stages cannot be read."""
    finished(0)
    finished(1, id="a\x1b[31m")
    with sqlite3.connect(bench_home / "results.sqlite") as connection:
        connection.execute("UPDATE runs SET stages = '{' WHERE seed = 1")
    connection.close()
    done = bench("show", stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout.count("\n"), done.stderr.count("\n")) == (0, 1, 1)
    assert "\x1b" not in done.stderr and "left out" in done.stderr


def test_a_warning_of_a_library_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    prepare_streams()
    assert logging.lastResort is not None
    record = logging.LogRecord("library", logging.WARNING, "", 0, "a\x1b %s", (f"token={SECRET}",), None)
    assert logging.lastResort.format(record) == f"a\\x1b token={HIDDEN}"
