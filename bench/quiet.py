"""Silencing the messages of libraries, for the command line and its workers."""

import logging
import os
import warnings

CHATTY = (
    "lm_eval",  # its warnings list every option it is given
    "bitsandbytes.backends.cpu.ops",  # on some processors it suggests a package that fetches code from the hub
)


def quiet() -> None:
    """Show only errors. Call this before torch or transformers is imported. The user's own settings are kept."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.simplefilter("ignore", FutureWarning)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
