"""`bench data`: list the data sets, prepare those of the hub, and check that no picture is in two splits."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.cli.output import echo
from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError, unknown_name

app = typer.Typer(help="List data sets, prepare those of the hub, and check any of them.", no_args_is_help=True)
SHOWN = 20
"""Pairs of near-duplicates that are printed at most."""


@app.command("list")
def list_() -> None:
    """List every data set with its licence; for a data set of the hub, say if it is prepared."""
    from bench.datasets import hub_store

    for name, card in EMBEDDED.items():
        echo(f"{name:<14} embedded          {card.licence}: {card.summary}")
    for name, hub in HUB.items():
        state = "prepared" if hub_store.load_manifest(name) else f"{hub.megabytes} MB to fetch"
        echo(f"{name:<14} {state:<17} {hub.licence}: {hub.summary}")


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="a data set of the hub")],
    copy: Annotated[
        Path | None, typer.Option("--from", help="copy its files from this folder instead of fetching them")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="a commit to fetch instead of the pinned one")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="print the report without progress bars")] = False,
) -> None:
    """Fetch a data set of the hub, read every row, split it and keep it as Arrow.

    After Ctrl-C, the same command continues the download.
    """
    if name not in HUB:
        raise unknown_name("dataset", name, HUB)
    from bench.cli.display import RunDisplay
    from bench.datasets.prepare import prepare_dataset

    with RunDisplay(quiet=quiet) as display:
        report = prepare_dataset(name, copy, revision, display.stage)
    _report(report)


@app.command()
def check(name: Annotated[str, typer.Argument(help="a data set, or a path to your own data")]) -> None:
    """Check a data set: checksums of its files, counts, and that no near-duplicates are in two splits.

    For your own data: print every row that cannot be used, and what is left. Nothing is written.
    """
    from bench import datasets
    from bench.cli.display import RunDisplay
    from bench.datasets import hub_store
    from bench.datasets.near_duplicates import perceptual_hash
    from bench.datasets.splits import SPLITS, find_crossings
    from bench.store import checksums

    if name not in {**EMBEDDED, **HUB} and datasets.own.is_path(name):
        return _check_own(name)
    datasets.check(name)
    if name in HUB:
        hub_store.require_prepared(name)
        try:
            _report(checksums.check(hub_store.folder(name)))
        except checksums.BrokenFolder as error:
            raise UserError(
                f"dataset: {name!r} in {hub_store.folder(name)}: {error}; `bench data prepare {name}` again"
            ) from None
    hashes: dict[str, dict[str, Any]] = {}
    with RunDisplay(quiet=False) as display:
        for split in SPLITS:
            with display.stage(f"check {split}") as progress:
                pictures = {s.image_id: s for s in datasets.load(name, split)}
                hashes[split] = {}
                for number, (id_, sample) in enumerate(pictures.items(), 1):
                    hashes[split][id_] = perceptual_hash(sample.pixels)
                    progress(number / len(pictures), f"{number} of {len(pictures)} pictures")
    crossings = find_crossings(hashes)
    for pair in crossings[:SHOWN]:
        names = f"{pair.split_a} {pair.id_a} and {pair.split_b} {pair.id_b}"
        echo(f"near-duplicates in two splits: {names} ({pair.distance} of 256 bits differ)")
    counts = ", ".join(f"{split} {len(datasets.load(name, split))}" for split in SPLITS)
    echo(f"{name}: samples {counts}; {len(crossings)} near-duplicate pairs across splits")
    if crossings:
        raise typer.Exit(1)


def _check_own(path: str) -> None:
    from bench.datasets.own.contents import read_contents
    from bench.datasets.own.files import locate

    contents = read_contents(locate(path))
    for line in [*contents.bad, *contents.notes]:
        echo(line)
    counts = ", ".join(f"{split} {len(part)}" for split, part in contents.drafts.items())
    echo(f"{path}: {contents.rows} rows, {len(contents.bad)} of them cannot be used; samples {counts}")
    if contents.refusal:
        raise UserError(f"dataset: {path!r}: {contents.refusal}")
    echo(f"differences below about {100 * contents.effect:.0f} points would not show in one seed")
    if contents.bad:
        raise typer.Exit(2)


def _report(report: dict[str, Any]) -> None:
    for line in report["malformed rows"]:
        echo(f"left out: {line}", err=True)
    echo(f"{report['name']}: {report['repo']} at {report['revision']}, licence {report['licence']}")
    dropped = sum(report["near duplicates dropped"].values())
    echo(
        f"{report['rows']} rows about {report['pictures']} pictures; {report['pictureless']} without a picture,"
        f" {report['malformed']} malformed, {dropped} pictures dropped as near-duplicates of another split's"
    )
    for split, count in report["splits"].items():
        echo(f"  {split:<10} {count['samples']:>5} samples, {count['pictures']:>5} pictures")
