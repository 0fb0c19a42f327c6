"""Names of columns as identifiers of a language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

_LETTERS = {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d"}
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (?:FINAL )?(\w+)")
_OTHER = re.compile(r"[^A-Za-z0-9]+")


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
