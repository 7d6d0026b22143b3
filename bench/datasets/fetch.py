"""Where the files of a hub data set are: a folder that is named, `$BENCH_DATA`, or the hub at the pinned commit."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from bench.datasets.cards import HUB, HubCard
from bench.datasets.reading import Progress
from bench.errors import UserError

COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch(name: str, folder: Path | None, revision: str | None, progress: Progress) -> tuple[dict[str, Path], str]:
    """The files by their names on the hub, and the revision that they are.

    The hub's is a commit. Of a copy nobody can say which commit it is: its revision is a hash of its files.
    Raises UserError for files that are missing and cannot be fetched.
    """
    card = HUB[name]
    if revision is not None and not COMMIT.fullmatch(revision):
        raise UserError(f"revision: {revision!r}; allowed: a commit of {card.repo}, 40 hexadecimal digits")
    if folder is not None:
        files = _copy(card, folder)
        if lacking := [file for file in card.files if file not in files]:
            raise UserError(f"from: {folder} lacks {lacking[0]} (and {len(lacking) - 1} more of {len(card.files)})")
        return files, _content(files, progress)
    for place in _local(name, card):
        if len(files := _copy(card, place)) == len(card.files):
            return files, _content(files, progress)
    return _download(name, card, revision or card.revision, progress)


def missing(name: str, why: str) -> UserError:
    """Which files are needed, how large they are, and where they can be put."""
    card = HUB[name]
    return UserError(
        f"dataset: {name!r} needs {len(card.files)} files of {card.repo}, about {card.megabytes} MB, licence"
        f" {card.licence}, and {why}: {', '.join(card.files)}; fetch them elsewhere with `{command(card)}`, then"
        f" `bench data prepare {name} --from {_tail(card)}`, or put that folder into $BENCH_DATA"
    )


def command(card: HubCard) -> str:
    """What fetches exactly the files that are read, into a folder of the repository's name."""
    at = f"--repo-type dataset --revision {card.revision} --local-dir {_tail(card)}"
    return f"hf download {card.repo} {' '.join(card.files)} {at}"


def _tail(card: HubCard) -> str:
    return card.repo.split("/")[-1]


def _local(name: str, card: HubCard) -> Iterator[Path]:
    if root := os.environ.get("BENCH_DATA"):
        yield from (Path(root) / name, Path(root) / _tail(card))


def _copy(card: HubCard, folder: Path) -> dict[str, Path]:
    """The files of a copy that lie there, under their names on the hub or the ends of these."""
    found = {}
    for file in card.files:
        for place in (folder / Path(file).name, folder / file):
            if place.is_file():
                found[file] = place
    return found


def _content(files: dict[str, Path], progress: Progress) -> str:
    digest = hashlib.sha256()
    for number, (name, path) in enumerate(files.items()):
        progress(number / len(files), f"checksum of {path.name}")
        with path.open("rb") as stream:
            digest.update(name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return f"local-{digest.hexdigest()[:16]}"


def _download(name: str, card: HubCard, revision: str, progress: Progress) -> tuple[dict[str, Path], str]:
    """One file after the other; a file that was begun goes on where it was, and finished ones are not asked for."""
    import httpx2
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    files = {}
    for number, file in enumerate(card.files):
        progress(number / len(card.files), f"{Path(file).name}, {number} of {len(card.files)} files")
        try:
            files[file] = Path(hf_hub_download(card.repo, file, repo_type="dataset", revision=revision))
        except LocalEntryNotFoundError:
            offline = "HF_HUB_OFFLINE forbids to ask the hub" if constants.HF_HUB_OFFLINE else "it cannot be reached"
            raise missing(name, offline) from None
        except EntryNotFoundError:
            raise UserError(f"dataset: {card.repo} has no {file} at commit {revision}") from None
        except (HfHubHTTPError, httpx2.HTTPError) as error:
            raise missing(name, f"the hub answered: {str(error).splitlines()[0][:100]}") from None
    return files, revision
