"""Random-weight models of the real classes with the real image processors, small enough for finite differences.

One module a family: `VARIANTS` maps a name to a function that builds an `LVLM`. The contract is tested on all of them.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from bench.lvlm.base import LVLM

VARIANTS: dict[str, Callable[[], LVLM]] = {
    name: build
    for module in iter_modules([str(Path(__file__).parent)])
    if module.name != "parts"
    for name, build in import_module(f"{__name__}.{module.name}").VARIANTS.items()
}
