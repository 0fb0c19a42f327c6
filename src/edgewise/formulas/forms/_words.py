"""Kinds of quantities, by the words that columns and inputs of laws are called with."""

from __future__ import annotations

import re
from functools import lru_cache

KINDS: dict[str, tuple[str, ...]] = {
    "time": ("time", "times", "age", "day", "days", "hour", "hours", "minute", "minutes", "week", "weeks", "month",
             "months", "year", "years", "date", "seconds", "trial", "trials"),
    "concentration": ("conc", "concentration", "dose", "doses", "substrate", "inhibitor", "ligand", "log10dose",
                      "logdose", "lconc"),
    "pressure": ("pressure", "suction", "activity"),
    "population": ("spawning", "stock", "prey", "density"),
    "temperature": ("temp", "temperature", "temperatures", "kelvin", "celsius"),
    "size": ("mass", "weight", "wt", "body", "bodywt", "bodysize", "length", "dbh", "diameter", "height", "girth",
             "width"),
    "area": ("area", "areas"),
    "viscosity": ("viscosity",),
    "angle": ("angle", "degrees", "radians", "theta", "phi"),
    "distance": ("distance", "dist", "radius"),
    "money": ("income", "expenditure", "totexp", "sales", "capital", "labor", "labour", "price"),
    "rank": ("rank", "ranks"),
    "light": ("light", "par", "irradiance", "ppfd"),
    "wave": ("wavelength", "lambda", "frequency", "freq", "wavenumber"),
    "magnitude": ("magnitude", "mag", "richter"),
}  # fmt: skip
"""Words of each kind."""

_WORD = re.compile(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+(?![a-z])")


@lru_cache(maxsize=4096)
def kinds(text: str) -> frozenset[str]:
    """Return the kinds of quantities that the words of a text name.

    >>> sorted(kinds("bodyMass_kg")), sorted(kinds("x: any")), sorted(kinds("absolute temperature"))
    (['size'], [], ['temperature'])
    """
    words = {text.lower(), *(word.lower() for word in _WORD.findall(text))}
    return frozenset(kind for kind, known in KINDS.items() if words & {*known})
