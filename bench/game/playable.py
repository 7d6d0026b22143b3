"""A check that a planned run can be played on this machine: its data set is prepared, and its models are here."""

from bench.datasets import hub_store
from bench.datasets.cards import HUB
from bench.spec import RunSpec


def check_playable(spec: RunSpec) -> None:
    """Raise UserError that says what to do where the data set is not prepared or a model cannot be had."""
    from bench.game.threat import surrogates
    from bench.victims import check_available

    if spec.dataset in HUB:
        hub_store.require_prepared(spec.dataset)
    check_available((spec.victim, *surrogates(spec.victim, spec.threat, spec.surrogates)))
