"""The parts that source texts of several languages have in common."""

import keyword
import re
import textwrap
import unicodedata
from collections.abc import Collection, Mapping, Sequence

import sympy

from edgewise._errors import InputError
from edgewise._printable import printable
from edgewise._version import __version__
from edgewise.formulas.expressions import conditions, factored, shorten
from edgewise.interpret.export._source import Source

_WIDTH = 100
_LETTERS = {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d"}
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)")
_OTHER = re.compile(r"[^A-Za-z0-9]+")


def check_function(function: object, reserved: Collection[str]) -> None:
    """Raise unless this is the name of a function in Python and in C."""
    plain = function if isinstance(function, str) and function.isascii() and function.isidentifier() else "_"
    if plain in reserved or keyword.iskeyword(plain) or plain.startswith("_"):
        raise InputError(f"'function' must be a free name like 'f' or 'energy_of'. Got {function!r}.")


def docstring(lines: Sequence[str]) -> list[str]:
    """Return the lines between triple quotes, so that nothing in them ends the text."""
    safe = [line.replace("\\", "\\\\").replace('"', "'") for line in lines]
    return [f'"""{safe[0]}', *safe[1:], '"""']


def statement(start: str, expression: str, end: str = "") -> str:
    """Return one statement; a long one in parentheses or braces, over several lines."""
    if len(start) + len(expression) + len(end) <= _WIDTH or " " not in expression:
        return start + expression + end
    bracketed = expression[0] + expression[-1] in ("{}", "[]")
    left, right = (expression[0], expression[-1]) if bracketed else "()"
    inner = expression[1:-1] if bracketed else expression
    lines = textwrap.wrap(inner, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{start}{left}\n" + textwrap.indent("\n".join(lines), "    ") + f"\n{right}{end}"


def about(source: Source, inputs: Mapping[str, str]) -> list[str]:
    """Return lines of text: the formulas, the variables with their units, where it is defined, who wrote it."""
    lines = [
        f"{target} = {sympy.sstr(factored(shorten(expression)), full_prec=False)}"
        for target, expression in zip(source.targets, source.expressions or (), strict=False)
    ]
    lines = [*lines, ""] if lines and all(len(line) < _WIDTH for line in lines) else []
    width = max(len(plain) for plain in inputs.values()) if inputs else 0
    for name, plain in inputs.items():
        said = source.label(name) if plain != name else f"[{source.units[name]}]" if name in source.units else ""
        lines.append(f"{plain:{width}}  {said}".rstrip())
    lines.append(f"returns {', '.join(source.label(target) for target in source.targets)}")
    for lo, hi, name in _ranges(source):
        lines.append(f"the curves of {name} lie between {lo:.6g} and {hi:.6g}; beyond they go on straight")
    needed = conditions(source.expressions or ())
    if needed:
        lines.append(f"defined where {' and '.join(map(str, needed))}")
    lines.append(f"(written by edgewise {__version__})")
    return [
        part for line in lines for part in (textwrap.wrap(printable(line), _WIDTH, subsequent_indent="    ") or [""])
    ]


def _ranges(source: Source) -> list[tuple[float, float, str]]:
    """Return the range of the splines of each input, for a network that has them."""
    if source.expressions is not None or source.model is None:
        return []
    layer = source.model.layers[0]
    on = layer.spline_mask().any(0).tolist()  # type: ignore[operator]
    lo, hi = (end.tolist() for end in layer.basis.ends(layer.knots))  # type: ignore[union-attr,operator]
    return [(a, b, name) for name, a, b, used in zip(source.names, lo, hi, on, strict=True) if used]


def identifiers(names: Sequence[str], reserved: Collection[str] = ()) -> dict[str, str]:
    """Return an ASCII identifier for each name, all different and none reserved.

    >>> identifiers(["mass (kg)", "lambda", "θ", "größe", "2nd", "mass_kg", "质"], {"lambda"})
    {'mass (kg)': 'mass_kg', 'lambda': 'lambda_', 'θ': 'theta', 'größe': 'grosse', '2nd': 'x_2nd',
    'mass_kg': 'mass_kg_2', '质': 'x7'}
    """
    out: dict[str, str] = {}
    taken = set(reserved)
    for position, name in enumerate(names, start=1):
        plain = _OTHER.sub("_", "".join(_ascii(c) for c in unicodedata.normalize("NFKC", name))).strip("_")
        if not plain:
            plain = f"x{position}"
        elif plain[0].isdigit():
            plain = f"x_{plain}"
        found = plain if plain not in reserved else f"{plain}_"
        number = 2
        while found in taken:
            found, number = f"{plain}_{number}", number + 1
        taken.add(found)
        out[name] = found
    return out


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFKD", character)
    plain = "".join(c for c in parts if c.isascii())
    return greek_letter(parts[0]) or _LETTERS.get(character) or plain or "_"


def greek_letter(character: str) -> str | None:
    """Return the name of a Greek letter, that of a capital one capitalized."""
    found = _GREEK.fullmatch(unicodedata.name(character, ""))
    return found and (found[2].lower() if found[1] == "SMALL" else found[2].capitalize())
