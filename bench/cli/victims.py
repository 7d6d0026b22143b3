"""`bench victims`: list the embedded checkpoints, make one again, and measure one."""

from collections.abc import Iterable
from typing import Annotated

import typer

from bench.cli.output import echo
from bench.errors import unknown_name
from bench.victims import ASSEMBLED, EMBEDDED, assembled_folder, embedded_folder, read_card

app = typer.Typer(help="List the embedded victims, make, pretrain or measure one.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List the embedded victims with their measured accuracy on unseen renderings of known concepts."""
    families = EMBEDDED | {name: victim.architecture for name, victim in ASSEMBLED.items()}
    for name, family in families.items():
        card = read_card(name)
        accuracy = ", ".join(f"{kind} {value:.0%}" for kind, value in card["accuracy"].items())
        echo(f"{name:<14} {family:<9} {card['parameters'] / 1e6:.2f} M parameters   {accuracy}")


@app.command()
def pretrain(name: Annotated[str, typer.Argument(help="name of an embedded victim")]) -> None:
    """Pretrain a victim again (20 to 60 minutes on 2 cores). After Ctrl-C, the same command continues."""
    from bench.lvlm.embedded.recipes import RECIPES

    _check(name, [*RECIPES, *ASSEMBLED])
    from bench.runtime import prepare

    prepare()
    if name in ASSEMBLED:
        from bench.lvlm.embedded.publish_smol import pretrain as align

        echo(align())
        return
    from bench.lvlm.embedded.pretrain import pretrain as make

    echo(make(name))


@app.command()
def fetch(name: Annotated[str, typer.Argument(help="name of a victim with a published language model")]) -> None:
    """Make a victim in the home folder: download its language model (93 MB), check it, and join what is embedded."""
    _check(name, ASSEMBLED)
    from bench.lvlm.embedded.smol_llava import make
    from bench.runtime import prepare

    prepare()
    make(assembled_folder(name))
    echo(assembled_folder(name))


@app.command()
def exam(name: Annotated[str, typer.Argument(help="name of an embedded victim")]) -> None:
    """Measure a victim's accuracy again and rewrite its card (about a minute)."""
    _check(name, EMBEDDED)
    from bench.lvlm.catalog import load
    from bench.lvlm.embedded.pretrain import write_card
    from bench.runtime import prepare

    prepare()
    write_card(embedded_folder(name), read_card(name), load(name))
    echo(embedded_folder(name) / "card.json")


def _check(name: str, allowed: Iterable[str]) -> None:
    if name not in allowed:
        raise unknown_name("victim", name, allowed)
