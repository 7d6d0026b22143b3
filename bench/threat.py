"""Who the owner's surrogates are: what he knows of the victim. Without torch."""

from bench.errors import UserError
from bench.spec import Threat
from bench.victims import EMBEDDED, family


def surrogates(victim: str, threat: Threat) -> tuple[str, ...]:
    """Names of the checkpoints that the owner optimises on.

    white: the victim's own base; gray: other checkpoints of its family; black: an ensemble of other families.
    Raises UserError where no such checkpoint is embedded.
    """
    if threat == "white":
        return (victim,)
    same = threat == "gray"
    chosen = tuple(n for n, f in EMBEDDED.items() if n != victim and (f == family(victim)) == same)
    if not chosen:
        able = [v for v, f in EMBEDDED.items() if list(EMBEDDED.values()).count(f) > 1]
        raise UserError(
            f"threat: 'gray' needs a second checkpoint of the family of {victim!r}; allowed here: white, black "
            f"(gray works for {', '.join(able)})"
        )
    return chosen
