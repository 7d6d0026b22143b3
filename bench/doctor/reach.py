"""Things in reach: models and data sets on this machine, the hub, and the sandbox for the code of others."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bench.datasets import hub_store
from bench.datasets.cards import HUB as DATASETS
from bench.doctor.finding import Finding
from bench.errors import UserError
from bench.sandbox import command
from bench.sandbox.limits import Limits, choose_limits
from bench.victims import EMBEDDED, HUB, locate
from bench.victims.downloads import LOGIN, is_offline

HUB_ADDRESS = "https://huggingface.co"

PATIENCE = 1.5
"""Seconds that the hub, or a process in the sandbox, has to answer."""

COPIES = "use what is embedded, or copies in BENCH_MODELS and BENCH_DATA"


def examine_models() -> Iterator[Finding]:
    """Name the victims and data sets that are on this machine."""
    here = [name for name in HUB if locate(name)]
    yield Finding("victims", "ok", f"{len(EMBEDDED)} embedded; of the hub's: {', '.join(here) or 'none here'}")
    prepared = [name for name in DATASETS if hub_store.load_manifest(name)]
    yield Finding("data sets", "ok", f"of the hub's, prepared: {', '.join(prepared) or 'none'}")
    for variable in ("BENCH_MODELS", "BENCH_DATA"):
        place = os.environ.get(variable)
        if place and not Path(place).is_dir():
            yield Finding("models", "note", f"{variable}: {place!r} is no folder", f"unset {variable}, or correct it")


def examine_hub() -> Iterator[Finding]:
    """Ask the hub who this is, if downloads are allowed. The token itself is in no finding."""
    from huggingface_hub import get_token

    token = get_token()
    who = "a token is set" if token else "no token, so gated models cannot be had"
    if is_offline():
        yield Finding("hub", "ok", f"HF_HUB_OFFLINE forbids downloads; {who}")
        return
    code = _ask_hub(token)
    if code is None:
        yield Finding("hub", "note", f"it does not answer within {PATIENCE} s; {who}", COPIES)
    elif token and code in (401, 403):
        yield Finding("hub", "note", "it answers, and refuses the token", f"{LOGIN} anew")
    else:
        yield Finding("hub", "ok", f"it answers; {who}", "" if token else LOGIN)


def _ask_hub(token: str | None) -> int | None:
    """Return the status with which the hub answers; None where it does not. A name server may hang, so in a thread."""
    address = os.environ.get("HF_ENDPOINT", HUB_ADDRESS).rstrip("/") + "/api/whoami-v2"
    codes: list[int] = []

    def ask() -> None:
        try:
            request = Request(address)
            if token:
                request.add_unredirected_header("Authorization", f"Bearer {token}")
            with urlopen(request, timeout=PATIENCE) as answer:
                codes.append(answer.status)
        except HTTPError as error:
            codes.append(error.code)
        except (OSError, ValueError):
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return codes[0] if codes else None


def examine_sandbox() -> Iterator[Finding]:
    """Start a process that does nothing in the sandbox. Raises UserError for a bad limit of time."""
    choose_limits()
    loss = "the code of others, and of installed methods, will not run"
    if command.allows_unsafe():
        text = f"{command.UNSAFE}=1: the code of others runs without a sandbox, and rows say so"
        yield Finding("sandbox", "note", text, f"unset {command.UNSAFE}")
        return
    try:
        program = command.find_program()
    except UserError:
        program = None
    if program is None:
        yield Finding("sandbox", "note", f"no bubblewrap: {loss}", "apt install bubblewrap, or dnf install bubblewrap")
        return
    if program.name != "bubblewrap":
        yield Finding("sandbox", "ok", f"no bubblewrap, so a rootless container of {program.name}")
        return
    begin = command.build_command(program.path, command.View(tuple(command.system_files()), ()), Limits(), {})
    try:
        done = subprocess.run([*begin, "/usr/bin/true"], capture_output=True, text=True, check=False, timeout=PATIENCE)
        reason = "" if done.returncode == 0 else (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = type(error).__name__
    if reason:
        mend = "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or the container's settings)"
        yield Finding("sandbox", "note", f"bubblewrap cannot start a process ({reason[:200]}): {loss}", mend)
    else:
        yield Finding("sandbox", "ok", "bubblewrap")
