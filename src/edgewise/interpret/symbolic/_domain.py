"""Where a formula holds: where it is defined, its poles, and the data that it was read from."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import sympy
import torch
from sympy.core.function import AppliedUndef
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array, Data, Formula
from edgewise.formulas.expressions import Condition, Tape, conditions
from edgewise.formulas.functions import Function
from edgewise.nn import KAN, layer_of, spline_functions, spline_name
from edgewise.train import as_matrix


class Hazard(NamedTuple):
    """What is said of the singular point nearest to the data, and whether it rules the function out."""

    text: str
    refused: bool


def hazard(function: Function, a: float, b: float, z: Tensor) -> Hazard:
    """Look for poles and ends of the domain of f(a z + b) among and beside the data.

    A pole between two neighbors is refused, unless they lie far apart for data as dense as these. Points of the data
    outside the domain are refused; ends of the domain are where the function stops, and are mentioned when near.

    Parameters
    ----------
    function
        f.
    a
        Factor of the argument.
    b
        Shift of the argument.
    z : (n,)
        The data.

    Examples
    --------
    >>> import torch
    >>> from edgewise.symbolic import hazard
    >>> from edgewise import functions
    >>> z = torch.linspace(-1, 1, 50, dtype=torch.float64)
    >>> hazard(functions.get("1/x"), 1.0, -0.21, z)
    Hazard(text='pole at 0.21, inside the data', refused=True)
    >>> hazard(functions.get("log"), 1.0, 1.02, z)
    Hazard(text='undefined below -1.02, 1.0% of the range from the data', refused=False)
    """
    if a == 0 or not (math.isfinite(a) and math.isfinite(b)):
        return Hazard("", not (math.isfinite(a) and math.isfinite(b)))
    z = torch.sort(z.double()).values
    low, high = float(z[0]), float(z[-1])
    found = [_pole((pole - b) / a, z, low, high) for pole in function.poles]
    ends = [(end, side) for end, side in zip(function.domain, ("below", "above"), strict=True) if math.isfinite(end)]
    turned = {"below": "above", "above": "below"}
    found += [_end((end - b) / a, side if a > 0 else turned[side], low, high) for end, side in ends]
    named = [h for h in found if h.text]
    return next((h for h in named if h.refused), named[0] if named else Hazard("", False))


def _pole(at: float, z: Tensor, low: float, high: float) -> Hazard:
    gap = 10.0  # mean distances between neighbors: a pole in a wider gap of the data is mentioned and not refused
    if not low < at < high:
        return _kept(f"pole at {at:.4g}", max(low - at, at - high), high - low)
    after = int(torch.searchsorted(z, torch.tensor(at, dtype=z.dtype), right=True))
    wide = float(z[after] - z[after - 1]) > gap * (high - low) / (len(z) - 1)
    return Hazard(f"pole at {at:.4g}, {'in a gap of' if wide else 'inside'} the data", not wide)


def _end(at: float, side: str, low: float, high: float) -> Hazard:
    distance = low - at if side == "below" else at - high
    if distance < -1e-12 * max(abs(low), abs(high), high - low):
        return Hazard(f"undefined {side} {at:.4g}, inside the data", True)
    return _kept(f"undefined {side} {at:.4g}", max(distance, 0.0), high - low)


def _kept(what: str, distance: float, reach: float) -> Hazard:
    """Return what is said of a singular point outside the data: nothing unless it is near."""
    near = 0.05  # of the data's range: closer singular points are mentioned
    return Hazard(
        f"{what}, {distance / reach:.1%} of the range from the data" if distance <= near * reach else "", False
    )


@dataclass(frozen=True)
class Domain:
    """The limits of a formula. Outside of `ranges` and `splines` it extrapolates.

    Parameters
    ----------
    names
        Names of the inputs.
    conditions
        Must hold for the formula to be defined.
    ranges
        Ranges of the inputs in the data, (low, high) by name; empty where no data were given.
    splines
        The ranges on which the functions of spline edges were fitted, by name: their argument, low, high.
    notes
        What the data show of each condition: rows where it fails, a pole among them, an end close by.
    _functions
        The functions of spline edges by name.
    """

    names: tuple[str, ...]
    conditions: list[Condition]
    ranges: dict[str, tuple[float, float]]
    splines: dict[str, tuple[Formula, float, float]]
    notes: list[str]
    _functions: Mapping[str, Callable[[Any], Any]] = field(repr=False)

    def defined(self, x: Data) -> Array:
        """Return whether each row meets all conditions: booleans (n,).

        Parameters
        ----------
        x : (n, n_in)
            The inputs.
        """
        columns = _columns(x, self.names)
        met = (_met(condition, self._values(condition.margin, columns)) for condition in self.conditions)
        return np.all([np.ones(len(columns), dtype=bool), *met], axis=0)

    def inside(self, x: Data) -> Array:
        """Return whether each row lies within the ranges of data and splines: booleans (n,).

        Parameters
        ----------
        x : (n, n_in)
            The inputs.
        """
        columns = _columns(x, self.names)
        spans = [(columns[:, self.names.index(name)], *span) for name, span in self.ranges.items()]
        spans += [(self._values(argument, columns), low, high) for argument, low, high in self.splines.values()]
        within = ((values >= low) & (values <= high) for values, low, high in spans)
        return np.all([np.ones(len(columns), dtype=bool), *within], axis=0)

    def _values(self, expression: Formula, columns: Array) -> Array:
        return Tape(expression, self.names, functions=self._functions).values(list(columns.T))

    def __str__(self) -> str:
        where = ", ".join(map(str, self.conditions))
        lines = [f"defined where {where}" if where else "defined everywhere", *self.notes]
        if self.ranges:
            spans = ", ".join(f"{name} from {low:.4g} to {high:.4g}" for name, (low, high) in self.ranges.items())
            lines.append(f"data: {spans}; beyond, the formula extrapolates")
        for name, (argument, low, high) in self.splines.items():
            span = f"from {low:.4g} to {high:.4g}"
            lines.append(f"{name} is a spline for {argument} {span}; beyond, it is a straight line")
        return "\n".join(lines)


def domain(
    subject: KAN | Formula | Sequence[Formula], x: Data | None = None, names: Sequence[str] | None = None
) -> Domain:  # fmt: skip
    """Return where a formula is defined and where it extrapolates.

    Of logarithms, roots, negative powers, tangents and inverse functions the conditions on the inputs are collected;
    those that hold for all real inputs are left out. `str` of the result is plain text.

    Parameters
    ----------
    subject
        A network, a sympy expression, or several.
    x : (n, n_in)
        Data. The ranges of the inputs are kept, and rows that fail a condition, or lie on both sides of a pole, are
        counted. None for no data.
    names
        Names of the inputs; None for x1, x2, ... of a network and the symbols by name of a formula.

    Raises
    ------
    InputError
        For names that do not match, and for a formula with unknown functions: give its network.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.symbolic import domain
    >>> a, b = sympy.symbols("a b")
    >>> found = domain(sympy.log(a - 1) / sympy.cos(b), np.array([[1.5, 0.0], [3.0, 2.0]]))
    >>> print(found)
    defined where a > 1, cos(b) != 0
    cos(b) != 0: a pole among the data, which lie on both sides
    data: a from 1.5 to 3, b from 0 to 2; beyond, the formula extrapolates
    >>> found.defined([[0.5, 0.0], [2.0, 0.0]])
    array([False,  True])
    """
    found = _without_data(subject, names)
    if x is None:
        return found
    columns = _columns(x, found.names)
    ranges = {name: (float(c.min()), float(c.max())) for name, c in zip(found.names, columns.T, strict=True)}
    notes = [_note(c, found._values(c.margin, columns)) for c in found.conditions]
    return replace(found, ranges=ranges, notes=list(filter(None, notes)))


def _without_data(subject: Any, names: Sequence[str] | None) -> Domain:
    """Return the names and the conditions, and what is known of unknown functions in the formulas."""
    if isinstance(subject, KAN):
        formulas = subject.formula(names, splines="symbols")
        given = [f"x{k + 1}" for k in range(subject.n_in)] if names is None else names
        formulas = formulas if isinstance(formulas, list) else [formulas]
        splines, functions = _spline_ranges(subject, formulas), spline_functions(subject)
        return Domain(tuple(given), conditions(formulas), {}, splines, [], functions)
    formulas = list(subject) if isinstance(subject, list | tuple) else [subject]
    if not formulas or not all(isinstance(f, sympy.Expr | int | float) for f in formulas):
        raise InputError(f"A domain is that of a network or of sympy expressions. Got {type(subject).__name__}.")
    formulas = [sympy.sympify(f) for f in formulas]
    unknown = sorted({str(f.func) for formula in formulas for f in formula.atoms(AppliedUndef)})
    if unknown:
        raise InputError(f"{unknown[0]} is not known from the formula alone. Give the network that it is of.")
    used = sorted({s.name for formula in formulas for s in formula.free_symbols})
    missing = [name for name in used if names is not None and name not in names]
    if missing or isinstance(names, str):
        raise InputError(f"'names' must list the inputs, among them {used}. Got {names!r}.")
    return Domain(tuple(used if names is None else names), conditions(formulas), {}, {}, [], {})


def _spline_ranges(model: KAN, formulas: list[Formula]) -> dict[str, tuple[Formula, float, float]]:
    """Return the argument and the knots' range of every spline edge that the formulas need."""
    arguments = {str(f.func): f.args[0] for formula in formulas for f in formula.atoms(AppliedUndef)}
    found = {}
    for depth, j, i in model.spline_edges():
        name, layer = spline_name(depth, j, i), layer_of(model, depth)
        if name in arguments:
            low, high = layer.basis.ends(layer.knots)
            found[name] = (arguments[name], float(low[i]), float(high[i]))
    return found


def _columns(x: Any, names: tuple[str, ...]) -> Array:
    rows = as_matrix(x, "x").cpu().numpy()
    if rows.shape[1] != len(names):
        raise InputError(f"x must have {len(names)} columns, {list(names)}. Got {rows.shape[1]}.")
    return rows


def _met(condition: Condition, margin: Array) -> Array:
    if condition.sign == "!=":
        return (margin != 0) & np.isfinite(margin)
    return margin > 0 if condition.sign == ">" else margin >= 0


def _note(condition: Condition, margin: Array) -> str:
    """Return what data show of a condition: the worst first."""
    least = 0.05  # of a margin's range over the data
    failing = int((~_met(condition, margin)).sum())
    if failing:
        return f"{condition}: fails in {failing} of {len(margin)} rows"
    if condition.sign == "!=" and margin.min() < 0 < margin.max():
        return f"{condition}: a pole among the data, which lie on both sides"
    reach = float(margin.max() - margin.min())
    nearest = float(np.abs(margin).min())
    if reach > 0 and nearest <= least * reach:
        return f"{condition}: the data come close, to {nearest:.2g}"
    return ""
