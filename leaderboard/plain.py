"""Texts from elsewhere in a sentence of a page, shown letter by letter: no Markdown, no HTML, no icons."""

MARKS = frozenset("\\`*_{}[]()#+-.!<>|~$:&")
"""Letters that mean something in the Markdown of Streamlit."""

LONGEST = 80
"""Characters of such a text that are shown."""


def quote_plain(text: object, longest: int = LONGEST) -> str:
    r"""Return a text as inline code, in which Streamlit interprets nothing. Controls and long ends are left out.

    >>> quote_plain("![x](http://there) :material/home: $x$")
    '`![x](http://there) :material/home: $x$`'
    >>> quote_plain("a`b\n\x1b[1mc")
    "`a'b [1mc`"
    """
    letters = " ".join(str(text)[: 2 * longest].replace("`", "'").split())
    shown = "".join(letter for letter in letters if letter.isprintable())
    return f"`{shown[:longest] + '…' if len(shown) > longest else shown or ' '}`"


def escape_markdown(text: str) -> str:
    r"""Return a text for a place that reads Markdown, as a caption or a table does, in which nothing means anything.

    >>> print(escape_markdown(":red[x]"))
    \:red\[x\]
    """
    return "".join(f"\\{sign}" if sign in MARKS else sign for sign in text if sign.isprintable())
