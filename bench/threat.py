"""Who the owner's surrogates are: what he knows of the victim. Without torch."""

from bench import published
from bench.errors import UserError
from bench.spec import Threat
from bench.victims import EMBEDDED, family


def surrogates(victim: str, threat: Threat) -> tuple[str, ...]:
    """Names of the checkpoints that the owner optimises on.

    white: the victim's own base; gray: other checkpoints of its family; black: an ensemble of other families.
    They are chosen among the embedded checkpoints, or among the paper's two for a victim of the paper.
    Raises UserError where there is none.
    """
    if threat == "white":
        return (victim,)
    same, paper = threat == "gray", victim in published.MODELS
    known = published.SURROGATES if paper else EMBEDDED
    chosen = tuple(n for n, f in known.items() if n != victim and (f == family(victim)) == same)
    if not chosen:
        victims = published.MODELS if paper else EMBEDDED
        able = [v for v in victims if any(family(v) == f and v != n for n, f in known.items())]
        raise UserError(
            f"threat: 'gray' needs a second checkpoint of the family of {victim!r}; allowed here: white, black "
            f"(gray works for {', '.join(able)})"
        )
    return chosen
