"""Facts about defenses that an owner needs: what each changes, what it needs, and whether pictures are made one by one.

`docs/design/owners.md` has the reasons.
"""

from typing import NamedTuple

from bench.errors import UserError
from bench.spec import Budget, Method
from defenses import REGISTRY

ONE_BY_ONE = frozenset({"em", "hypo", "sem", "mem", "mmguard", "mmguard_bph_max", "mmguard_crs", "mmguard_crs_max",
                        "multimodal", "text_trigger", "random_noise", "random_trigger"})  # fmt: skip
"""Methods whose noise and words belong to one picture, and whose aim needs no other: they go on chunk by chunk.

The others share a noise between pictures, move all pictures in one direction, or train a surrogate on the whole data.
"""

APART = frozenset({"random_noise", "random_trigger"})
"""Methods of ONE_BY_ONE in which the random draws of a picture hang together with those of no other."""

MOST_TOGETHER = 2000
"""Most pictures that a method which is not in ONE_BY_ONE protects: the largest training split that was played."""


class Part(NamedTuple):
    """The part of a release that is protected: the pixel budget in levels, and the words in a question."""

    epsilon: int
    words: int

    @property
    def budget(self) -> Budget:
        """The budget of the audit."""
        return Budget(epsilon=self.epsilon, words=self.words)


def choose_part(defense: str, epsilon: int, words: int, *, image_only: bool, text_only: bool) -> Part:
    """Return what a defense may change. Raises UserError where it would change nothing, or an answer."""
    REGISTRY.check(defense)
    touched = _touched(defense)
    changed = " and ".join(sorted(touched))
    if image_only and text_only:
        raise UserError("image-only: together with text-only; allowed: one of them")
    if not touched <= {"pictures", "questions"}:
        raise UserError(f"defense: {defense!r} changes {changed}; allowed: one that changes pictures or questions")
    part = Part(
        0 if text_only or "pictures" not in touched else epsilon,
        0 if image_only or "questions" not in touched else words,
    )
    if not part.epsilon and not part.words:
        raise UserError(f"defense: {defense!r} changes {changed}, and nothing of that is allowed here")
    return part


def is_foreign(defense: str) -> bool:
    """Tell if a defense is code of others, which runs in the sandbox and has no card."""
    return REGISTRY.sandboxed(defense) is not None


def _touched(defense: str) -> set[str]:
    """Return the parts of a sample that a defense may change, by its card."""
    if is_foreign(defense):
        return {"pictures", "questions"}
    return {part.split(",")[0].split()[0] for part in REGISTRY.get(defense).card.touches.split("; ")}


def check_method(method: Method, part: Part, *, through: bool) -> None:
    """Raise UserError for wrong options, and for a method without pixel steps that is to survive a platform."""
    if is_foreign(method.name):
        REGISTRY.describe(method)
        names = set[str]()
    else:
        names = set(REGISTRY.check_options(method).__class__.model_fields)
    if through and not ("eot" in names and part.epsilon):
        raise UserError(f"through: {method.name!r} takes no pixel steps here; allowed: a method that does, such as em")


def needs_answers(defense: str) -> bool:
    """Tell if a defense needs texts with the pictures, by its card."""
    return not is_foreign(defense) and REGISTRY.get(defense).card.needs.startswith("answers")


def needs_models(defense: str) -> bool:
    """Tell if a defense is made with surrogates."""
    return "surrogates" in REGISTRY.describe(Method(name=defense)).traits.depends


def is_one_by_one(defense: str) -> bool:
    """Tell if a defense can protect a part of the pictures without the others."""
    return defense in ONE_BY_ONE


def without_pixel_steps(method: Method) -> Method:
    """Return a method that leaves the pictures as they are, where it has pixel steps."""
    return _with_default(method, "image_steps", 0)


def without_words(method: Method) -> Method:
    """Return a method that searches for no words, where it has a search."""
    return _with_default(method, "text_rounds", 0)


def _with_default(method: Method, option: str, value: int) -> Method:
    if is_foreign(method.name) or option not in REGISTRY.get(method.name).Options.model_fields:
        return method
    return Method(name=method.name, options={**method.options, option: value})
