"""The owner's surrogates, which follow from what the owner knows of the victim. Torch is not imported."""

from collections.abc import Sequence

from bench.errors import UserError
from bench.spec import Threat
from bench.victims import EMBEDDED, HUB, check, family, revision, split_precision

PAPER = ("qwen3-vl-4b", "minicpm-v-4")
"""The surrogates of the paper's owner (section 6.1), for victims that are not embedded."""

ENSEMBLE = 2
"""Number of families in the ensemble of a black box, as in the paper."""


def surrogates(victim: str, threat: Threat, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the checkpoints that the owner optimises on.

    white: the victim's own base. gray: another checkpoint of its family. black: an ensemble of two other families,
    one checkpoint each. `chosen` replaces them within the same rules. Raises UserError where there is none, or where a
    chosen one is not allowed by the threat model.

    >>> surrogates("tiny-llava-a", "black")
    ('tiny-qwen3vl', 'tiny-internvl')
    """
    if chosen:
        return _checked(victim, threat, tuple(chosen))
    if threat == "white":
        return (victim,)
    if threat == "gray":
        return _gray(victim)
    known = EMBEDDED if split_precision(victim)[0] in EMBEDDED else PAPER
    first: dict[str, str] = {}
    for name in known:
        if family(name) != family(victim):
            first.setdefault(family(name), name)
    return tuple(first.values())[:ENSEMBLE]


def _gray(victim: str) -> tuple[str, ...]:
    """Return the paper's own surrogate of that family, else the first one of the catalog."""
    base, own = split_precision(victim)[0], family(victim)
    known = EMBEDDED if base in EMBEDDED else [*PAPER, *HUB]
    for name in known:
        if name != base and family(name) == own and not _same(name, victim):
            return (name,)
    able = [v for v in (EMBEDDED if base in EMBEDDED else HUB) if any(family(n) == family(v) and n != v for n in known)]
    raise UserError(
        f"threat: 'gray' needs a second checkpoint of the family of {victim!r}; allowed here: white, black, "
        f"or --surrogates (gray works for {', '.join(able)})"
    )


def _checked(victim: str, threat: Threat, chosen: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(chosen)) < len(chosen):
        raise UserError(f"surrogates: {','.join(chosen)!r}; allowed: different names")
    for name in chosen:
        check(name, "surrogates")
        if threat != "white" and _same(name, victim):
            raise UserError(
                f"surrogates: {name!r} is the victim, which the {threat} box does not know; allowed: other checkpoints"
            )
        if threat == "black" and family(name) == family(victim):
            raise UserError(
                f"surrogates: {name!r} is of the victim's family ({family(victim)}), which the black box does not "
                "know; allowed: other families, or --threat gray"
            )
        if threat == "gray" and family(name) != family(victim):
            raise UserError(
                f"surrogates: {name!r} is of the family {family(name)}; allowed in the gray box: other checkpoints "
                f"of the victim's family ({family(victim)})"
            )
    if threat == "white" and not any(_same(name, victim) for name in chosen):
        raise UserError(f"surrogates: {','.join(chosen)!r}; allowed in the white box: {victim!r} and others beside it")
    return chosen


def _same(name: str, victim: str) -> bool:
    """Tell if two names are one checkpoint, whatever their folders and precisions."""
    return split_precision(name)[0] == split_precision(victim)[0] or revision(name) == revision(victim)
