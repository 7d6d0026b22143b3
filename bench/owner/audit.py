"""Compare a protected folder with its original: within budget, readable, and nothing changed besides what may be.

It reads the two folders alone and needs no report, so that others can do it too.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench.datasets.own.rows import printable
from bench.errors import UserError
from bench.owner.encodings import read_pixels
from bench.owner.inventory import Inventory, LeftOut, locate_copy, take_inventory
from bench.owner.measure import Stealth, compare
from bench.samples import NOTHING, Sample
from bench.spec import Budget
from bench.stages.fidelity import inserted_words

TRIED = 32
"""Rows of equal answers that a protected row is compared with, where pictures inside a table have no names."""


class Pair(NamedTuple):
    """A picture of the original and its protected copy, by the name of the copy."""

    name: str
    clean: Path
    protected: Path


def audit(original: Path, protected: Path, budget: Budget) -> dict[str, Any]:
    """Return what was changed, and every fault with its name.

    linf: levels of 0..255, the most of all pictures. psnr, ssim: means over pictures. words: the most in a question.
    left_out: of the original, but not in the copy, which is no fault. Raises UserError where the two are not of a kind.
    """
    with tempfile.TemporaryDirectory(prefix="bench-owner-") as spool:
        before = take_inventory(original, Path(spool, "original"))
        after = take_inventory(locate_copy(original, protected), Path(spool, "protected"))
        if (before.dataset is None) != (after.dataset is None):
            raise UserError(f"protected: {str(protected)!r}: one of the two has rows with texts; allowed: both or none")
        report = _Audit(before, after, budget).report()
    if not report["pictures"] and not report["faults"]:
        raise UserError(f"protected: {str(protected)!r} has nothing of the original; allowed: a protected copy of it")
    return report


class _Audit:
    """The comparison of two inventories."""

    def __init__(self, before: Inventory, after: Inventory, budget: Budget) -> None:
        self.before, self.after, self.budget = before, after, budget
        self.faults = [left._asdict() for left in after.left_out]
        self.left_out: list[str] = []
        self.measured: dict[Pair, Stealth | None] = {}
        self.words = 0

    def report(self) -> dict[str, Any]:
        """Compare all pictures and rows."""
        for pair in self._named_pairs():
            self._measure(pair)
        self._compare_rows()
        measured = [stealth for stealth in self.measured.values() if stealth]
        changed = [stealth.psnr for stealth in measured if stealth.psnr is not None]
        return {
            "within": not self.faults,
            "budget": self.budget.model_dump(),
            "pictures": len(self.measured),
            "unchanged": len(measured) - len(changed),
            "linf": max((stealth.linf for stealth in measured), default=0),
            "psnr": round(sum(changed) / len(changed), 2) if changed else None,
            "ssim": round(sum(stealth.ssim for stealth in measured) / len(measured), 4) if measured else None,
            "words": self.words,
            "left_out": self.left_out,
            "faults": self.faults,
        }

    def _fault(self, name: str, reason: str) -> None:
        self.faults.append(LeftOut(printable(name), reason)._asdict())

    def _named_pairs(self) -> Iterator[Pair]:
        """Yield the pictures in files of their own; a copy has its planned name or that of the original."""
        there = {name for picture in self.after.pictures.values() for name in picture.names}
        broken = {fault["name"] for fault in self.faults}
        used = set()
        for old, new in sorted(self.before.names.items()):
            name = next((name for name in (new, old) if name in there), None)
            if name is not None:
                used.add(name)
                yield Pair(name, self.before.root / old, self.after.root / name)
            elif not {printable(new), printable(old)} & broken:
                self.left_out.append(printable(old))
        for name in sorted(there - used):
            self._fault(name, "no such picture in the original")

    def _measure(self, pair: Pair) -> Stealth | None:
        """Measure a pair once; None where it has a fault that leaves nothing to measure."""
        if pair not in self.measured:
            self.measured[pair] = self._try(pair)
        return self.measured[pair]

    def _try(self, pair: Pair) -> Stealth | None:
        label = printable(pair.name)
        try:
            after = read_pixels(pair.protected.read_bytes(), label)
        except UserError as error:
            self._fault(pair.name, str(error).removeprefix(f"{label}: "))
            return None
        try:
            before = read_pixels(pair.clean.read_bytes(), label)
        except UserError:
            self._fault(pair.name, "its original cannot be read")
            return None
        if before.shape != after.shape:
            sizes = " to ".join(f"{pixels.shape[1]}x{pixels.shape[0]}" for pixels in (before, after))
            self._fault(pair.name, f"its size changed from {sizes}")
            return None
        stealth = compare(before, after)
        if stealth.linf > self.budget.epsilon:
            self._fault(pair.name, f"L-inf of {stealth.linf} levels; allowed: {self.budget.epsilon}")
        return stealth

    def _compare_rows(self) -> None:
        """Find the original of each protected row: the same answers and picture, in the same order."""
        places: dict[object, list[int]] = defaultdict(list)
        names = self.before.names
        for row in self.before.texts:
            for name in {self.before.files[row], names.get(self.before.files[row], "")}:
                places[self._key(self.before, row, name)].append(row)
        last, matched = -1, set[int]()
        for row in self.after.texts:
            candidates = [old for old in places[self._key(self.after, row, self.after.files[row])] if old > last]
            if not candidates:
                self._fault(f"row {row + 1}", "its answers, its picture's name or its place changed")
                continue
            fitting = (old for old in candidates[:TRIED] if self._fits(old, row))
            last = candidates[0] if len(candidates) == 1 else next(fitting, candidates[0])
            matched.add(last)
            self._compare_row(last, row)
        self.left_out += [f"row {row + 1}" for row in self.before.texts if row not in matched]

    @staticmethod
    def _key(inventory: Inventory, row: int, name: str) -> object:
        """Return everything that stays in a row, with the name of its picture."""
        return inventory.texts[row]._replace(question=""), name

    def _fits(self, old: int, row: int) -> bool:
        """Tell if a row can be the protected copy of another one."""
        try:
            self._inserted(old, row)
            before, after = (read_pixels(file.read_bytes(), "") for file in self._files(old, row))
        except UserError:
            return False
        return before.shape == after.shape and compare(before, after).linf <= self.budget.epsilon

    def _inserted(self, old: int, row: int) -> list[str]:
        before, after = self.before.texts[old].question, self.after.texts[row].question
        name = f"row {row + 1}"
        return inserted_words(Sample(name, "", NOTHING, before, ""), Sample(name, "", NOTHING, after, ""))

    def _files(self, old: int, row: int) -> tuple[Path, Path]:
        return self.before.pictures[self.before.digests[old]].file, self.after.pictures[self.after.digests[row]].file

    def _compare_row(self, old: int, row: int) -> None:
        """Compare the questions of two rows, and their pictures where these are inside a table."""
        try:
            count = len(self._inserted(old, row))
        except UserError as error:
            self._fault(f"row {row + 1}", str(error).removeprefix("release: "))
            return
        self.words = max(self.words, count)
        if count > self.budget.words:
            self._fault(f"row {row + 1}", f"{count} words inserted; allowed: {self.budget.words}")
        if not self.after.files[row]:
            self._measure(Pair(f"picture of row {row + 1}", *self._files(old, row)))
