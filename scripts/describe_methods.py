"""Write `bench/methods/built_in.json`: descriptions of methods, so that a first plan imports no torch.

    python -m scripts.describe_methods

They are those of every built-in defense and attack as it stands, of each part on `lora_sft`, and of every method that a
built-in suite plans. A description is found by the hash of the method's code: after an edit of that code it is not used
any more, and a plan imports the method instead. A new method needs none.
"""

import json
from collections.abc import Iterator
from typing import Any

from attacks import REGISTRY as ATTACKS
from attacks.parts import PARTS
from bench.game.suite import read_suite
from bench.game.suites import presets
from bench.methods.descriptions import BUILT_IN, description_key
from bench.methods.registry import Registry
from bench.play.plan import make_plan
from bench.spec import Method
from bench.victims import ASSEMBLED
from defenses import REGISTRY as DEFENSES

REGISTRIES: tuple[Registry[Any, Any], ...] = (DEFENSES, ATTACKS)


def plan_suites() -> None:
    """Plan the built-in suites, and describe every built-in method as it stands.

    Runs with a victim that may not be made yet are left out.
    """
    for suite in presets():
        make_plan([run for run in read_suite(suite).runs() if run.victim not in ASSEMBLED])
    for registry in REGISTRIES:
        for name, entry in registry.catalog.items():
            if not entry.installed:
                registry.describe(Method(name=name))
    for part in PARTS.catalog:
        ATTACKS.describe(Method(name=f"lora_sft+{part}"))


def examine_described() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the key and the description of each method that was described in this process, from its module."""
    for registry in REGISTRIES:
        for method in registry.described:
            found = registry.examine(method)
            key = description_key(registry.kind, method, found.code, registry.description)
            yield key, json.loads(json.dumps(found.model_dump(), default=sorted))


def main() -> None:
    """Write the file, one line for each method."""
    plan_suites()
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(examine_described())]
    BUILT_IN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
