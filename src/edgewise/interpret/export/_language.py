"""A language that formulas are written in, and the ones that are known by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgewise._errors import InputError, unknown
from edgewise.interpret.export._source import Exportable, Names, Target, Units, read


@dataclass(frozen=True)
class Language:
    """A language that formulas and networks are written in.

    - ``name``: what `text` and ``edgewise export --to`` call it.
    - ``endings``: those of its files.
    - ``write``: the text of a `Source`, or a list of texts, one for each output. It takes its own options by keyword
      and raises `InputError` for what the language cannot hold.

    A `Printer` writes the expressions, and `program` gives the steps of a function with names that are free in the
    language.
    """

    name: str
    endings: tuple[str, ...]
    write: Callable[..., str | list[str]]


_LANGUAGES: dict[str, Language] = {}


def register(language: Language) -> Language:
    """Make a language known by its name for this process, and return it.

    Raises `InputError` where the name is taken.

    >>> register(language("c"))
    Traceback (most recent call last):
    edgewise._errors.InputError: The language 'c' is known already. Choose another name.
    """
    if language.name in _LANGUAGES:
        raise InputError(f"The language {language.name!r} is known already. Choose another name.")
    _LANGUAGES[language.name] = language
    return language


def languages() -> list[str]:
    """Return the names of the languages that are known.

    >>> languages()
    ['c', 'excel', 'latex', 'numpy', 'torch']
    """
    return sorted(_LANGUAGES)


def language(name: str) -> Language:
    """Return the language of that name; `InputError` with the known ones where there is none.

    >>> language("numpy").endings
    ('.py',)
    """
    if name not in _LANGUAGES:
        raise unknown("language", name, languages())
    return _LANGUAGES[name]


def text(
    source: Exportable,
    to: str | Language,
    names: Names = None,
    *,
    target: Target = None,
    units: Units = None,
    **options: Any,
) -> str | list[str]:
    """Return formulas or a network as text of a language: one of `languages()`, or a `Language` of your own.

    `source`, `names`, `target` and `units` as in `edgewise.export.numpy`; `options` are those of the language.

    Errors: InputError for an unknown language, and what the language raises.

    >>> import sympy
    >>> m, v = sympy.symbols("mass speed")
    >>> text(m * v**2 / 2, "excel", ["mass", "speed"])
    '=A2*B2^2/2'
    """
    chosen = language(to) if isinstance(to, str) else to
    return chosen.write(read(source, names, target, units), **options)
