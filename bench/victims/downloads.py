"""Fetch a victim from the hub, or go on where a download stopped, and say in one line why that is impossible."""

import os
from pathlib import Path

from bench.errors import UserError
from bench.victims.catalog import ASSEMBLED, HUB, split_precision
from bench.victims.files import is_hub_name, locate, missing_error
from bench.victims.wholeness import SUFFIXES

LOGIN = "log in with `hf auth login`, or set HF_TOKEN"
"""The two ways to say who asks."""


def is_offline() -> bool:
    """Return True where downloads are forbidden."""
    return os.environ.get("HF_HUB_OFFLINE", "0").upper() in {"1", "ON", "YES", "TRUE"}


def find_files(name: str) -> Path | None:
    """Return the folder with a victim's files, or None where a pinned one still has to be downloaded.

    Nothing is known of a name without a pinned commit before its files are here, not even what its stages are called.
    So such a model is fetched now, unless downloads are forbidden. Raises UserError for one that is to be made first.
    """
    base, _ = split_precision(name)
    folder = locate(base)
    if folder is None and base in ASSEMBLED:
        raise missing_error(name, "")
    unpinned = base not in HUB and is_hub_name(base)
    return fetch(base) if folder is None and unpinned and not is_offline() else folder


def fetch(name: str) -> Path:
    """Download what is missing of a checkpoint, at its pinned commit if it has one, and return its folder.

    A download that was interrupted continues: the files that were finished are kept. Raises UserError where the model
    cannot be had.
    """
    if split_precision(name)[0] in ASSEMBLED or is_offline():
        raise missing_error(name, "HF_HUB_OFFLINE forbids downloads from the hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    base, _ = split_precision(name)
    source, commit = (HUB[base].source, HUB[base].commit) if base in HUB else (base, None)
    patterns = [f"*{suffix}" for suffix in sorted(SUFFIXES)]
    try:
        return Path(snapshot_download(source, revision=commit, allow_patterns=patterns))
    except LocalEntryNotFoundError as error:  # what the hub answered is behind it
        raise _explain(name, source, error.__cause__ or error) from error
    except Exception as error:
        raise _explain(name, source, error) from error


def _explain(name: str, source: str, error: BaseException) -> UserError:
    """Return why the hub did not give a model, and what to do about it."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    page = f"https://huggingface.co/{source}"
    match error:
        case GatedRepoError():
            return UserError(f"victim: {name!r} is gated: accept its licence at {page}, then {LOGIN}")
        case RepositoryNotFoundError():
            return UserError(
                f"victim: {name!r}: the hub shows no model {source}; allowed: one with a page {page}, "
                f"or a private one: {LOGIN}"
            )
        case RevisionNotFoundError():
            return UserError(
                f"victim: {name!r}: the hub has no such commit of {source} any more; allowed: the folder of a copy"
            )
        case HfHubHTTPError() if error.response.status_code in {401, 403}:
            return UserError(f"victim: {name!r}: the hub refuses {source} to this login; {LOGIN} anew")
        case HfHubHTTPError():
            reason = f"the hub answered {error.response.status_code}"
        case OSError() if error.strerror:
            reason = f"the download stopped ({error.strerror})"
        case _:
            reason = f"the hub cannot be reached or broke off ({type(error).__name__})"
    return missing_error(name, f"{reason}; the same command continues the download")
