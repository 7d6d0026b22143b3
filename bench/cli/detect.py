"""`bench detect`: ask if a model was trained on a protected folder."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.output import echo

FOUND = 1
"""The exit code for a model that knows the release."""

DEFAULT_SEED = 0


def detect(
    original: Annotated[str, typer.Argument(help="the folder or data set as it was")],
    released: Annotated[str, typer.Argument(help="the protected one as `bench protect` made it, with its report")],
    model: Annotated[str, typer.Option(help="the suspect: a name in `bench victims list`, or a folder")],
    adapter: Annotated[
        Path | None, typer.Option(help="the folder of its LoRA adapter, or of its trained weights (safetensors)")
    ] = None,
    fpr: Annotated[float, typer.Option(help="how often a model that never saw the release may be found")] = 0.01,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, or auto: several GPUs")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Ask if a model was trained on a protected folder: does it know it better than fresh copies that nobody has seen?

    The exit code is 0 where nothing is found, 1 where the model knows the release, and 2 for bad input. Nothing found
    is no proof: docs/detect.md says how often a model that was trained on a release is found.
    """
    from bench.cli.display import RunDisplay
    from bench.owner.detect import Suspect, detect
    from bench.owner.inventory import locate_source
    from bench.threads import read_threads
    from bench.victims import check as check_name
    from bench.victims import check_available

    read_threads()
    if device is not None:
        os.environ["BENCH_DEVICE"] = device
    places = locate_source(original), locate_source(released)
    check_name(model)
    check_available([model])
    with RunDisplay(quiet=as_json) as display, display.stage("detect") as progress:
        report = detect(*places, Suspect(model, adapter), fpr, progress)
    echo(json.dumps(report, indent=1) if as_json else describe(report))
    if report["seed"] == DEFAULT_SEED:
        echo(
            "the release has the default seed, as those of others may: protect with a --seed that only you know, so "
            "that its draws are yours alone",
            err=True,
        )
    if report["found"]:
        raise typer.Exit(FOUND)


def describe(report: dict[str, Any]) -> str:
    """Return the result in one sentence."""
    numbers = (
        f"mean loss of {report['answers']} answers {report['loss_released']} on the release and "
        f"{report['loss_fresh']} on {report['copies']} fresh copies; p = {report['p']:.2g}, level {report['fpr']:g}"
    )
    if report["found"]:
        return f"found: this model knows the release better than copies that nobody has seen ({numbers})"
    return f"nothing found: this model knows the release no better than copies that nobody has seen ({numbers})"
