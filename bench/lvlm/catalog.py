"""Load an LVLM by its name or by the folder of its checkpoint."""

from functools import cache
from pathlib import Path

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
    folder = victims.locate(name) or _download(name)
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


def _download(name: str) -> Path:
    """Fetch a checkpoint from the hub at its pinned commit; raises UserError where that is impossible or forbidden."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    base, _ = victims.split_precision(name)
    hub = victims.HUB.get(base)
    victims.check_available([name])
    try:
        patterns = [f"*{suffix}" for suffix in sorted(victims.SUFFIXES)]
        return Path(
            snapshot_download(
                hub.source if hub else base, revision=hub.commit if hub else None, allow_patterns=patterns
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise victims.missing_error(name, f"the hub did not give it ({type(error).__name__})") from error
    finally:
        victims.revision.cache_clear()
