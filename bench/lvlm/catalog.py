"""Load an LVLM by its name or by the folder of its checkpoint."""

from functools import cache

from bench import victims
from bench.lvlm.base import LVLM
from bench.lvlm.checkpoint import ARCHITECTURES, check_files, family_class, open_checkpoint
from bench.lvlm.trial import require_trial
from bench.runtime import prepare

__all__ = ["ARCHITECTURES", "family_class", "load", "load_once"]


def load(name: str) -> LVLM:
    """Load a victim by name, or any checkpoint of a known architecture by folder or hub name.

    `name@bf16`, `@fp16`, `@fp32` and `@4bit` choose the precision. Weights are read from safetensors only, and no
    code of a checkpoint is run. One that is neither embedded nor pinned in the catalog is first loaded in a limited
    process. Raises UserError for an unknown name or architecture, and for a checkpoint that is not whole.
    """
    victims.check(name)
    folder = victims.locate(name)
    if folder is None:
        folder = victims.fetch(name)
        victims.revision.cache_clear()  # it may be that of a commit whose files were not here
    if not victims.is_embedded(folder):
        check_files(name, folder)
        if not victims.is_pinned(name):
            require_trial(name, folder)
    return open_checkpoint(name, folder)


@cache
def load_once(name: str) -> LVLM:
    """Set up torch and load a victim; later calls with the same name return the same object."""
    prepare()
    return load(name)
