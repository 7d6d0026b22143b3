"""Libraries show only errors, and the user's own settings are kept."""

import logging
import os
import subprocess
import sys
import warnings

import pytest

from bench.quiet import CHATTY, quiet

SAID = ("TRANSFORMERS_VERBOSITY", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE")


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SAID:
        monkeypatch.setenv(name, "unset")  # so that what the test leaves is taken back
        monkeypatch.delenv(name)
    for name in CHATTY:
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)


def test_warnings_of_chatty_loggers_are_not_said_and_errors_are(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        quiet()
    for name in CHATTY:
        logging.getLogger(name).warning("a warning")
        logging.getLogger(name).error("an error")
    assert caplog.messages == ["an error"] * len(CHATTY)


def test_what_the_environment_says_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "info")
    with warnings.catch_warnings():
        quiet()
    assert [os.environ[name] for name in SAID] == ["info", "1", "1"]


def test_bitsandbytes_says_nothing_when_it_is_loaded() -> None:
    """On processors with AVX512-BF16, bitsandbytes looks for a package that we do not install."""
    pytest.importorskip("bitsandbytes")
    code = "from bench.quiet import quiet; quiet(); import bitsandbytes"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
