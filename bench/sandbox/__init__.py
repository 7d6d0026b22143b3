"""The code of others runs in a process of its own, from which only checked data return.

    protect(code, options, samples, surrogates, budget, seed, progress=silent, limits=None) -> Protected
    describe(code, options) -> Facts        # of a defense: its options, those that name it, and its traits
    attack(method, traits, victim, load, ..., folder) -> Curve      # writes an adapter into the folder

`code` is the file of a code entry (a `Path`), or the name of an installed defense. All raise UserError, in one line,
for whatever goes wrong inside, and where there is no sandbox on this machine. A file is played in a run under a name
of its own: `defenses.REGISTRY.add_file("my_name", Path("defense.py"))`, then `Method(name="my_name")`.
"""

from bench.sandbox.command import UNSAFE, allows_unsafe, name
from bench.sandbox.limits import Limits
from bench.sandbox.play import describe, describe_method, protect
from bench.sandbox.release import Facts
from bench.sandbox.train import Data, attack

__all__ = [
    "UNSAFE",
    "Data",
    "Facts",
    "Limits",
    "allows_unsafe",
    "attack",
    "describe",
    "describe_method",
    "name",
    "protect",
]
