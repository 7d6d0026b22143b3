"""The data sets of MMGuard's paper (section 6.1), as far as a plan needs them: they cannot be played yet."""

from bench.errors import UserError
from bench.spec import RunSpec

DATASETS = {
    "realworldqa": "xai-org/RealworldQA",
    "mmstar": "Lin-Chen/MMStar",
    "scienceqa": "derek-thomas/ScienceQA",
    "vqa-rad": "flaviagiammarino/vqa-rad",
    "textvqa": "lmms-lab/textvqa",
    "docvqa": "lmms-lab/DocVQA",
}
"""Hub names."""


def check_playable(spec: RunSpec) -> None:
    """Raises UserError for a run that can be planned only, or whose models are not at hand and cannot be asked for."""
    from bench.threat import surrogates
    from bench.victims import require

    if spec.dataset in DATASETS:
        raise UserError(
            f"dataset: {spec.dataset!r} ({DATASETS[spec.dataset]}) can be planned but not played yet; "
            "allowed: what `bench list` names"
        )
    require((spec.victim, *surrogates(spec.victim, spec.threat, spec.surrogates)))
