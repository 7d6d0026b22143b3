"""The questions about a photograph, in several phrasings, and other answers that are equally right."""

KIND = ("What kind of thing is in the photo?", "What sort of thing does the photo show?")
NAME = ("What is this?", "Name the thing in the photo.", "What is shown in the photo?")
CAPTION = ("Describe the picture.", "Describe the photo in one sentence.")

ALIASES: dict[str, tuple[str, ...]] = {
    "castle": ("palace",),
    "church": ("cathedral",),
    "gate": ("arch",),
    "household item": ("household object",),
    "monument": ("building",),
    "palace": ("castle",),
    "sea": ("ocean", "reef", "coral reef"),
    "solar panel": ("solar panels",),
    "statue": ("sculpture",),
    "tape measure": ("measuring tape",),
}
"""The other answers that count as right, by answer."""
