"""Text from outside, as a page, a picture or a file shows it."""


def printable(text: str) -> str:
    r"""Return the text on one line, without characters that steer a terminal, an editor or a compiler.

    >>> printable("a\nb")
    'a b'
    """
    return "".join(c if c.isprintable() else " " for c in text)


def excerpt(text: object, longest: int) -> str:
    r"""Return the first characters of what a file says, on one line.

    >>> excerpt("a\nb" + 9 * "c", 5)
    'a?bcc...'
    """
    line = "".join(c if c.isprintable() else "?" for c in str(text))
    return line if len(line) <= longest else f"{line[:longest]}..."


def shortened(text: str, longest: int, mark: str = "…") -> str:
    """Return the beginning of a text, if it is long.

    >>> shortened("a*b + c", 5), shortened("a*b", 5), shortened("a*b", 1)
    ('a*b …', 'a*b', '')
    """
    if len(text) <= longest:
        return text
    return text[: longest - len(mark)] + mark if longest > len(mark) else ""
