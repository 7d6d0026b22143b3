"""The questions about a rendering, in several phrasings. Answers are free text."""

NAMING = (
    "What is this?",
    "What is shown in the picture?",
    "Name the thing in this image.",
    "What does the picture show?",
    "Which object do you see here?",
    "What can you see in this image?",
)
CATEGORY = ("What kind of thing is this?", "Which category does the thing in the picture belong to?")
BACKGROUND = ("What colour is the background?", "Which colour do you see behind the object?")
SIZE = ("Is the object large or small?", "How large is the thing in the picture?")
