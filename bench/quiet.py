"""What libraries say that nobody asked about, silenced for the command line and for its workers."""

import logging
import os
import warnings

CHATTY = (
    "lm_eval",  # warns of every option that it was given
    "bitsandbytes.backends.cpu.ops",  # on some processors, of an optional package that fetches code from the hub
)


def quiet() -> None:
    """Errors alone. To be called before torch or transformers is imported; what the user's environment says stays."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.simplefilter("ignore", FutureWarning)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
