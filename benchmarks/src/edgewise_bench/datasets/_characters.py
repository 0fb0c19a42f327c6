"""English text that every Python has, as numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from edgewise._errors import EdgewiseError
from edgewise._typing import Array


@dataclass(frozen=True)
class Characters:
    """A text whose k-th character is alphabet[codes[k]]."""

    alphabet: str
    codes: Array

    def text(self, codes: Iterable[int] | None = None) -> str:
        """The characters of some codes, by default of the whole text."""
        return "".join(self.alphabet[code] for code in (self.codes if codes is None else codes))


def characters() -> Characters:
    """The help topics of Python's standard library, as `help()` shows them: each paragraph once, topics by name.

    About 400 thousand characters of English on the language, with short programs. Topics quote each other, so a
    paragraph that came before is left out: no part of the text stands in another one. The text differs between
    versions of Python; its size belongs beside any figure.

    Errors: EdgewiseError where the installation of Python comes without the topics.

    >>> known = characters()
    >>> known.text(known.codes[:24])
    'The "assert" statement\\n*'
    """
    try:
        topics: dict[str, str] = import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise EdgewiseError("This Python has no help topics: pydoc_data.topics can not be imported.") from error
    paragraphs = (part.strip() for name in sorted(topics) for part in topics[name].split("\n\n"))
    text = "\n\n".join(part for part in dict.fromkeys(paragraphs) if part)
    alphabet = "".join(sorted(set(text)))
    place = {character: code for code, character in enumerate(alphabet)}
    return Characters(alphabet, np.array([place[character] for character in text], dtype=np.int64))
