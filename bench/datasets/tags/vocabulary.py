"""The texts on the tags, and the questions about them. Numbers are answered in words, and the question says so.

The embedded victims' tokens for digits, '$' and most capitals were never trained and are all one vector: with a tied
head, no adapter can tell them apart in an answer. So every answer is made of tokens that all victims were trained on.
"""

NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "fifty": 50,
}

VOCABULARY: dict[str, tuple[str, ...]] = {
    "word": ("open", "exit", "milk", "hotel", "taxi", "book", "bus", "stop"),
    "price": ("one", "two", "three", "four", "seven", "eight", "ten", "fifty"),
    "date": (
        *("march one", "march four", "may two", "may five"),
        *("june three", "june seven", "july eight", "july nine"),
    ),
}
"""The answers of each kind."""

QUESTIONS = {
    "word": ("Which word is on the tag?", "What does the tag say?", "Read the word on the tag."),
    "price": ("What is the price, in words?", "How many dollars does it cost, in words?", "Read the price, in words."),
    "date": ("What is the date, in words?", "Which day does the tag show, in words?", "Read the date, in words."),
}


def lines(kind: str, answer: str) -> tuple[str, ...]:
    """Return the lines on the tag whose reading is `answer`.

    >>> lines("date", "may five")
    ('May', '5')
    """
    match kind:
        case "price":
            return (f"${NUMBERS[answer]}",)
        case "date":
            month, day = answer.split()
            return month.capitalize(), str(NUMBERS[day])
        case _:
            return (answer,)
