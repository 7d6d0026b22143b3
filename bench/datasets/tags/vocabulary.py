"""What is written on the tags, and how it is asked for. Numbers are answered in words, and the question says so.

The embedded victims' tokens for digits, '$' and most capitals were never trained and are one vector: with a tied head
no adapter can tell them apart in an answer. Every answer here is made of tokens that all of them were taught.
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
"""Answers of each kind."""

QUESTIONS = {
    "word": ("Which word is on the tag?", "What does the tag say?", "Read the word on the tag."),
    "price": ("What is the price, in words?", "How many dollars does it cost, in words?", "Read the price, in words."),
    "date": ("What is the date, in words?", "Which day does the tag show, in words?", "Read the date, in words."),
}


def lines(kind: str, answer: str) -> tuple[str, ...]:
    """The lines of the tag that an answer reads: "may five" is "May" above "5"."""
    match kind:
        case "price":
            return (f"${NUMBERS[answer]}",)
        case "date":
            month, day = answer.split()
            return month.capitalize(), str(NUMBERS[day])
        case _:
            return (answer,)
