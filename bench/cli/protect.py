"""`bench protect`: protect a folder of one's own, for publishing."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.output import echo
from bench.errors import printable

LEFT_OUT = 1
"""The exit code where something was left out, which the output and the report name."""

SHOWN = 20
"""Names of left-out files that are printed at most."""


def protect(
    source: Annotated[str, typer.Argument(help="a folder of pictures, or any data set that --dataset reads")],
    out: Annotated[Path, typer.Option("--out", help="the new folder; its report is beside it, OUT.report")],
    defense: Annotated[str, typer.Option(help="the method; see `bench list`")] = "mmguard",
    surrogates: Annotated[
        str | None, typer.Option(help="models on which the protection is made, with commas; see `bench victims list`")
    ] = None,
    epsilon: Annotated[str, typer.Option(help="the most that a level of a pixel changes, for example 8/255")] = "8/255",
    words: Annotated[int, typer.Option(min=0, max=64, help="how many words are inserted into a question")] = 5,
    option: Annotated[
        list[str] | None, typer.Option("-o", "--option", help="an option of the defense, key=value")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="the seed of all random choices")] = 0,
    chunk: Annotated[
        int, typer.Option(min=1, max=2000, help="pictures made together; a killed run loses one chunk at most")
    ] = 128,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, or auto: several GPUs")] = None,
    image_only: Annotated[bool, typer.Option("--image-only", help="leave the questions as they are")] = False,
    text_only: Annotated[bool, typer.Option("--text-only", help="leave the pictures as they are")] = False,
    through: Annotated[
        str | None, typer.Option(help="survive this platform: jpeg=85, or resize=1080,webp=80, for example")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only count, and estimate time and memory")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON")] = False,
) -> None:
    """Protect pictures and questions: the same folder again, with another name, to publish instead of the original.

    The source is only read. The report beside the new folder says what was done to each picture, what was left out, and
    what the protection is worth. A killed command goes on where it was.
    """
    from bench.cli import parse
    from bench.cli.display import RunDisplay
    from bench.owner import protect
    from bench.owner.inventory import locate_source
    from bench.owner.jobs import make_job
    from bench.threads import read_threads
    from bench.victims import check_available

    read_threads()
    if device is not None:
        os.environ["BENCH_DEVICE"] = device
    path = locate_source(source)
    job = make_job(
        defense,
        parse.options(option or []),
        surrogates=parse.names(surrogates),
        epsilon=parse.epsilon(epsilon),
        words=words,
        seed=seed,
        chunk=chunk,
        image_only=image_only,
        text_only=text_only,
        through=through,
    )
    if dry_run:
        from bench.owner.estimate import estimate

        return _print_estimate(estimate(path, job), as_json)
    check_available(job.surrogates)
    with RunDisplay(quiet=as_json) as display, display.stage("protect") as progress:
        report = protect.protect(path, out, job, progress)
    if as_json:
        echo(json.dumps(report, indent=1))
    else:
        _print(report, out)
    if report["left_out"]:
        raise typer.Exit(LEFT_OUT)


def _print_estimate(expected: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return echo(json.dumps(expected, indent=1))
    counts = (f"{expected[key]} {key}" for key in ("pictures", "megapixels", "rows", "chunks"))
    echo(f"{', '.join(counts)}; left out: {len(expected['left_out'])}")
    if expected["seconds"] is not None:
        gpu = f", {expected['gpu_mb']} MB on the GPU" if "gpu_mb" in expected else ""
        echo(f"about {expected['seconds']} s, {expected['memory_mb']} MB{gpu}")
    echo(f"it rests on: {expected['rests_on']}")


def _print(report: dict[str, Any], out: Path) -> None:
    from bench.owner.jobs import STAND_IN
    from bench.tables.game import Game

    stealth, losses, left_out, place = report["stealth"], report["losses"], report["left_out"], printable(str(out))
    psnr = "unchanged" if stealth["psnr"] is None else f"PSNR {stealth['psnr']} dB, SSIM {stealth['ssim']}"
    echo(f"{place}: {report['pictures']} pictures, {report['rows']} rows; at most {stealth['linf']} levels, {psnr}")
    if losses:
        echo(f"loss of an answer on the surrogates: {', '.join(f'{side} {loss}' for side, loss in losses.items())}")
    if tuple(report["surrogates"]) == STAND_IN:
        echo(f"made on {STAND_IN[0]}, a tiny stand-in: name the models that you expect with --surrogates", err=True)
    for left in left_out[:SHOWN]:
        echo(f"left out: {left['name']}: {left['reason']}", err=True)
    if len(left_out) > SHOWN:
        echo(f"... and {len(left_out) - SHOWN} more, all in the report", err=True)
    for game in report["published"]:
        echo(f"played on {Game(**game['game']).title}:")
        for sentence in game["sentences"]:
            echo(sentence)
    for sentence in report["limits"]:
        echo(sentence)
    echo(f"report, not to be published: {place}.report/report.html")
