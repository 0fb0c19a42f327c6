"""Results as text that reads back bit by bit: numbers, formulas, and records of known classes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy
import torch

_OPERATIONS = ("Add", "Mul", "Pow")
_PLAIN = (bool, int, float, str, type(None))


class Unwritable(ValueError):
    """A value that no text stands for."""


class Codec:
    """Writes values as JSON and reads them: plain ones, tuples, formulas, tensors, and the given data classes.

    >>> codec = Codec()
    >>> t = sympy.Symbol("t")
    >>> codec.read(codec.write((0.1, sympy.Float(0.1) * sympy.exp(-t / 3))))
    (0.1, 0.1*exp(-t/3))
    """

    def __init__(self, classes: Iterable[type] = ()) -> None:
        self._classes = {each.__name__: each for each in classes}

    def write(self, value: Any) -> str:
        """Return the text of a value.

        Errors: Unwritable for values of other classes, and formulas that would not read back as they are.
        """
        return json.dumps(self._written(value), separators=(",", ":"))

    def read(self, text: str) -> Any:
        """Return the value that was written."""
        return self._read(json.loads(text))

    def _written(self, value: Any) -> Any:
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, (tuple, list)):
            return ["list" if isinstance(value, list) else "tuple", *map(self._written, value)]
        if isinstance(value, (np.bool_, np.integer, np.floating)):
            return value.item()
        if isinstance(value, torch.Tensor):
            return ["tensor", *value.tolist()]
        if isinstance(value, sympy.Basic):
            return ["formula", _checked(value)]
        if is_dataclass(value) and type(value).__name__ in self._classes:
            parts = [self._written(getattr(value, field.name)) for field in fields(value)]
            return ["record", type(value).__name__, *parts]
        raise Unwritable(f"No text stands for a {type(value).__name__}.")

    def _read(self, written: Any) -> Any:
        if not isinstance(written, list):
            return written
        kind, *parts = written
        if kind in ("list", "tuple"):
            return (list if kind == "list" else tuple)(map(self._read, parts))
        if kind == "tensor":
            return torch.tensor(parts, dtype=torch.float64)
        if kind == "formula":
            return _formula(parts[0])
        return self._classes[parts[0]](*map(self._read, parts[1:]))


def _checked(formula: Any) -> Any:
    """Return what stands for a formula, once it reads back as the same one, its arguments in the same order."""
    written = _parts(formula)
    if _parts(_formula(written)) != written:
        raise Unwritable(f"{formula} reads back in another form.")
    return written


def _parts(formula: Any) -> Any:
    """Return nested lists of names and numbers that stand for a formula."""
    name = type(formula).__name__
    if isinstance(formula, sympy.Symbol):
        if formula != sympy.Symbol(formula.name):
            raise Unwritable(f"The symbol {formula} has assumptions.")
        return ["symbol", formula.name]
    if isinstance(formula, sympy.Float):
        sign, mantissa, exponent, _ = formula._mpf_
        if not mantissa:
            raise Unwritable(f"The number {formula} is zero or not finite.")
        return ["float", formula._prec, int(sign), int(mantissa), int(exponent)]
    if isinstance(formula, sympy.Rational):
        return ["fraction", int(formula.p), int(formula.q)]
    if formula in (sympy.pi, sympy.E):
        return ["number", str(formula)]
    if name not in _operations():
        raise Unwritable(f"No text stands for {name}.")
    return ["of", name, *map(_parts, formula.args)]


def _formula(parts: Any) -> Any:
    """Return the formula that nested lists stand for."""
    kind, first, *others = parts
    if kind == "symbol":
        return sympy.Symbol(first)
    if kind == "float":
        return sympy.Float(tuple(others), precision=first)
    if kind == "fraction":
        return sympy.Rational(first, others[0])
    if kind == "number":
        return {"pi": sympy.pi, "E": sympy.E}[first]
    return _operations()[first](*map(_formula, others))


@cache
def _operations() -> Mapping[str, Any]:
    """Return the operations and functions that formulas may have, by name."""
    known = {name: getattr(sympy, name) for name in sympy.__all__}
    functions = {
        name: each for name, each in known.items() if isinstance(each, type) and issubclass(each, sympy.Function)
    }
    return {name: known[name] for name in _OPERATIONS} | {each.__name__: each for each in functions.values()}
