"""Whether a run that can be planned can be played here: its data set is prepared, and its models are at hand."""

from bench.datasets import prepared
from bench.datasets.cards import HUB
from bench.spec import RunSpec


def check_playable(spec: RunSpec) -> None:
    """Raises UserError that says what to do where the data set is not prepared or a model is not to be had."""
    from bench.game.threat import surrogates
    from bench.victims import require

    if spec.dataset in HUB:
        prepared.require(spec.dataset)
    require((spec.victim, *surrogates(spec.victim, spec.threat, spec.surrogates)))
