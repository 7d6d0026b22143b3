"""Finding the files of a hub data set: in a given folder, in `$BENCH_DATA`, or on the hub at the pinned commit."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from bench.datasets.cards import HUB, HubCard
from bench.errors import UserError
from bench.progress import Progress

COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch_files(
    name: str, folder: Path | None, revision: str | None, progress: Progress
) -> tuple[dict[str, Path], str]:
    """Return the files by their names on the hub, and their revision.

    The revision of downloaded files is a commit. The commit of a local copy is unknown, so its revision is a hash of
    its files. Raises UserError for files that are missing and cannot be downloaded.
    """
    card = HUB[name]
    if revision is not None and not COMMIT.fullmatch(revision):
        raise UserError(f"revision: {revision!r}; allowed: a commit of {card.repo}, 40 hexadecimal digits")
    if folder is not None:
        files = _local_files(card, folder)
        missing = [file for file in card.files if file not in files]
        if missing:
            raise UserError(f"from: {folder} lacks {missing[0]} (and {len(missing) - 1} more of {len(card.files)})")
        return files, _hash_files(files, progress)
    for place in _local_folders(name, card):
        files = _local_files(card, place)
        if len(files) == len(card.files):
            return files, _hash_files(files, progress)
    return _download(name, card, revision or card.revision, progress)


def missing_files(name: str, reason: str) -> UserError:
    """Return the error that names the needed files, their size, and the places where they can be put."""
    card = HUB[name]
    return UserError(
        f"dataset: {name!r} needs {len(card.files)} files of {card.repo}, about {card.megabytes} MB, licence"
        f" {card.licence}, and {reason}: {', '.join(card.files)}; fetch them elsewhere with `{download_command(card)}`,"
        f" then `bench data prepare {name} --from {_repo_name(card)}`, or put that folder into $BENCH_DATA"
    )


def download_command(card: HubCard) -> str:
    """Return the command that downloads exactly the needed files into a folder with the repository's name."""
    options = f"--repo-type dataset --revision {card.revision} --local-dir {_repo_name(card)}"
    return f"hf download {card.repo} {' '.join(card.files)} {options}"


def _repo_name(card: HubCard) -> str:
    return card.repo.split("/")[-1]


def _local_folders(name: str, card: HubCard) -> Iterator[Path]:
    root = os.environ.get("BENCH_DATA")
    if root:
        yield from (Path(root) / name, Path(root) / _repo_name(card))


def _local_files(card: HubCard, folder: Path) -> dict[str, Path]:
    """Return the files that a folder has, under their full names on the hub or the last parts of these."""
    files = {}
    for file in card.files:
        for place in (folder / Path(file).name, folder / file):
            if place.is_file():
                files[file] = place
    return files


def _hash_files(files: dict[str, Path], progress: Progress) -> str:
    digest = hashlib.sha256()
    for number, (name, path) in enumerate(files.items()):
        progress(number / len(files), f"checksum of {path.name}")
        with path.open("rb") as stream:
            digest.update(name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return f"local-{digest.hexdigest()[:16]}"


def _download(name: str, card: HubCard, revision: str, progress: Progress) -> tuple[dict[str, Path], str]:
    """Download one file after the other. A partial file is continued, and a finished one is not requested again."""
    import httpx2
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    files = {}
    for number, file in enumerate(card.files):
        progress(number / len(card.files), f"{Path(file).name}, {number} of {len(card.files)} files")
        try:
            files[file] = Path(hf_hub_download(card.repo, file, repo_type="dataset", revision=revision))
        except LocalEntryNotFoundError:
            reason = (
                "HF_HUB_OFFLINE forbids asking the hub" if constants.HF_HUB_OFFLINE else "the hub cannot be reached"
            )
            raise missing_files(name, reason) from None
        except EntryNotFoundError:
            raise UserError(f"dataset: {card.repo} has no {file} at commit {revision}") from None
        except (HfHubHTTPError, httpx2.HTTPError) as error:
            raise missing_files(name, f"the hub answered: {str(error).splitlines()[0][:100]}") from None
    return files, revision
