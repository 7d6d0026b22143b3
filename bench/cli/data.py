"""`bench data`: the data sets, what is prepared of those of the hub, and whether their splits keep pictures apart."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.datasets.cards import EMBEDDED, HUB
from bench.errors import UserError, unknown

app = typer.Typer(help="Data sets: list them, prepare those of the hub, check any of them.", no_args_is_help=True)
SHOWN = 20
"""So many crossing pairs are printed."""


@app.command("list")
def list_() -> None:
    """Every data set: what it is, its licence, and for those of the hub whether it is prepared."""
    from bench.datasets import prepared

    for name, card in EMBEDDED.items():
        typer.echo(f"{name:<14} embedded          {card.licence}: {card.summary}")
    for name, hub in HUB.items():
        state = "prepared" if prepared.manifest(name) else f"{hub.megabytes} MB to fetch"
        typer.echo(f"{name:<14} {state:<17} {hub.licence}: {hub.summary}")


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="a data set of the hub")],
    copy: Annotated[Path | None, typer.Option("--from", help="a folder that has its files")] = None,
    revision: Annotated[str | None, typer.Option(help="another commit than the pinned one")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="the report alone")] = False,
) -> None:
    """Fetch a data set of the hub, read every row, divide it, keep it as Arrow. After Ctrl-C fetching goes on."""
    if name not in HUB:
        raise unknown("dataset", name, HUB)
    from bench.cli.display import Display
    from bench.datasets.prepare import prepare as make

    with Display(quiet=quiet) as display:
        report = make(name, copy, revision, display.stage)
    _tell(report)


@app.command()
def check(name: Annotated[str, typer.Argument(help="a data set, or a path to your own data")]) -> None:
    """Check a data set: its files against their checksums, its counts, and no near-duplicate in two splits.

    Of your own data: every row that cannot be used, and what is left; nothing is kept.
    """
    from bench import datasets
    from bench.cli.display import Display
    from bench.datasets import prepared
    from bench.datasets.near import fingerprint
    from bench.datasets.splits import SPLITS, crossing
    from bench.store import checksums

    if name not in {**EMBEDDED, **HUB} and datasets.own.is_path(name):
        return _check_own(name)
    datasets.check(name)
    if name in HUB:
        prepared.require(name)
        try:
            _tell(checksums.check(prepared.folder(name)))
        except checksums.Broken as error:
            raise UserError(
                f"dataset: {name!r} in {prepared.folder(name)}: {error}; `bench data prepare {name}` again"
            ) from None
    hashes: dict[str, dict[str, Any]] = {}
    with Display(quiet=False) as display:
        for split in SPLITS:
            with display.stage(f"check {split}") as progress:
                pictures = {s.image_id: s.pixels for s in datasets.load(name, split)}
                hashes[split] = {}
                for number, (id_, pixels) in enumerate(pictures.items(), 1):
                    hashes[split][id_] = fingerprint(pixels)
                    progress(number / len(pictures), f"{number} of {len(pictures)} pictures")
    found = crossing(hashes)
    for pair in found[:SHOWN]:
        told = f"{pair.split_a} {pair.id_a} and {pair.split_b} {pair.id_b}"
        typer.echo(f"near-duplicates in two splits: {told} ({pair.distance} of 256 bits differ)")
    counts = ", ".join(f"{split} {len(datasets.load(name, split))}" for split in SPLITS)
    typer.echo(f"{name}: samples {counts}; {len(found)} near-duplicate pairs across splits")
    if found:
        raise typer.Exit(1)


def _check_own(path: str) -> None:
    from bench.datasets.own.contents import read

    found = read(Path(path).expanduser())
    for line in [*found.bad, *found.notes]:
        typer.echo(line)
    counts = ", ".join(f"{split} {len(part)}" for split, part in found.drafts.items())
    typer.echo(f"{path}: {found.rows} rows, {len(found.bad)} of them cannot be used; samples {counts}")
    if found.refusal:
        raise UserError(f"dataset: {path!r}: {found.refusal}")
    typer.echo(f"differences below about {100 * found.effect:.0f} points would not show in one seed")
    if found.bad:
        raise typer.Exit(2)


def _tell(report: dict[str, Any]) -> None:
    for line in report["malformed rows"]:
        typer.echo(f"left out: {line}", err=True)
    typer.echo(f"{report['name']}: {report['repo']} at {report['revision']}, licence {report['licence']}")
    dropped = sum(report["near duplicates dropped"].values())
    typer.echo(
        f"{report['rows']} rows about {report['pictures']} pictures; {report['pictureless']} without a picture,"
        f" {report['malformed']} malformed, {dropped} pictures dropped as near-duplicates of another split's"
    )
    for split, count in report["splits"].items():
        typer.echo(f"  {split:<10} {count['samples']:>5} samples, {count['pictures']:>5} pictures")
