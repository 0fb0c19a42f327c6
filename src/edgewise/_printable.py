"""Text from outside, as a page, a picture or a file shows it."""


def printable(text: str) -> str:
    r"""Return the text on one line, without characters that steer a terminal, an editor or a compiler.

    >>> printable("a\nb")
    'a b'
    """
    return "".join(c if c.isprintable() else " " for c in text)
