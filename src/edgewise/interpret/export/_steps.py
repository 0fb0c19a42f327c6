"""Formulas and networks as steps of a program, splines as tables of polynomials."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

import numpy as np
import sympy
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from edgewise._typing import Formula, Part
from edgewise.interpret.export._printer import guarded, in_core
from edgewise.interpret.export._source import Source, identifiers
from edgewise.nn import KANLayer, spline_name, subnode_formulas

_DEGREE = 12  # of the pieces that follow a basis which is not made of polynomials between knots
_ROUNDING = 4 * np.finfo(float).eps  # of the sum of the functions' sizes: no closer are they known
_HALVINGS = 12  # of the range: finer, a curve is taken as it is
_SITES = chebyshev.chebpts1(2 * _DEGREE + 2)
#: values at the sites -> the nearest Chebyshev series -> powers; at these sites the polynomials are orthogonal
_TRANSFORM = chebyshev.chebvander(_SITES, _DEGREE).T * (2 / len(_SITES))
_TRANSFORM[0] /= 2
_POWERS = np.zeros((_DEGREE + 1, _DEGREE + 1))
for _n in range(_DEGREE + 1):
    _POWERS[: _n + 1, _n] = chebyshev.cheb2poly(np.eye(_DEGREE + 1)[_n, : _n + 1])

Values = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Points (s,) -> values of m functions, and the sums of the sizes of what they add up: (s, m) each."""


@dataclass(frozen=True)
class Curve:
    """One edge: sum_k pieces[m][k] (x - middle)^k on the cell from knots[m] to knots[m + 1].

    `slopes` are those at the first and the last knot, with which a curve continues beyond them.
    """

    name: str
    knots: list[float]
    pieces: list[list[float]]
    slopes: tuple[float, float]


@dataclass(frozen=True)
class Pieces:
    """Several functions over the same cells: sum_k powers[m, k, j] (x - middle)^k, and slopes (2, functions)."""

    knots: np.ndarray
    powers: np.ndarray
    slopes: np.ndarray


def curve_of(layer: KANLayer, name: str, j: int, i: int) -> Curve:
    """Return the table of one edge: see `pieces_of`."""
    found = pieces_of(layer, i, layer.coefficients[j : j + 1, i])
    lo, hi = found.slopes[:, 0].tolist()
    return Curve(name, found.knots.tolist(), found.powers[:, :, 0].tolist(), (lo, hi))


def pieces_of(layer: KANLayer, i: int, coefficients: Tensor) -> Pieces:
    """Return sums of the functions of input i, for coefficients (sums, K), as polynomials.

    They are a spline's Taylor series in the middle of each cell, which is the spline itself. Functions of another
    basis are interpolated at Chebyshev points, in cells halved until that is exact to rounding.
    """
    basis, knots = layer.basis, layer.knots.detach().double().cpu()[i : i + 1]
    breaks = basis.breakpoints(knots)[0]
    weights = coefficients.detach().double().cpu().T

    def functions(x: Tensor, order: int) -> Tensor:
        return basis.evaluate(x.unsqueeze(-1), knots, len(weights), order)[:, 0]

    slopes = (functions(breaks[[0, -1]], 1) @ weights).numpy()
    if basis.degree is not None:
        middle = (breaks[:-1] + breaks[1:]) / 2
        series = [functions(middle, k) @ weights / math.factorial(k) for k in range(basis.degree + 1)]
        return Pieces(breaks.numpy(), torch.stack(series, dim=1).numpy(), slopes)

    def values_and_sizes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parts = functions(torch.from_numpy(x), 0)
        return (parts @ weights).numpy(), (parts.abs() @ weights.abs()).numpy()

    return Pieces(*interpolated(values_and_sizes, breaks.tolist()), slopes)


def interpolated(values_and_sizes: Values, breaks: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of cells, and polynomials on them that follow m functions to rounding: (cells, k, m)."""
    cells = [(a, b, _HALVINGS) for a, b in reversed(list(pairwise(breaks)))]
    ends, pieces = [cells[-1][0]], []
    span = max(abs(breaks[0]), abs(breaks[-1]), breaks[-1] - breaks[0])
    while cells:
        a, b, left = cells.pop()
        piece, exact = _interpolated(values_and_sizes, a, b, span)
        if not exact and left > 0:
            cells += [((a + b) / 2, b, left - 1), (a, (a + b) / 2, left - 1)]
        else:
            pieces.append(piece)
            ends.append(b)
    degree = max(len(piece) for piece in pieces)
    filled = [np.pad(piece, [(0, degree - len(piece)), (0, 0)]) for piece in pieces]
    return np.array(ends), np.stack(filled)


def _interpolated(values_and_sizes: Values, a: float, b: float, span: float) -> tuple[np.ndarray, bool]:
    """Return the coefficients of x - (a + b)/2 on a cell, (k, m), and whether they are exact to rounding.

    That is the rounding of the sums, and of where a point is in the range. The sites are rounded too: a second fit, to
    what the first one leaves where they really are, makes up for that.
    """
    middle, half = (a + b) / 2, (b - a) / 2
    x = middle + half * _SITES
    values, sizes = values_and_sizes(x)
    at = np.vander((x - middle) / half, _DEGREE + 1, increasing=True)
    series = _TRANSFORM @ values
    series = series + _TRANSFORM @ (values - at @ (_POWERS @ series))
    counts = np.abs(series) > _ROUNDING / 4 * sizes.max(0)
    kept = np.maximum.accumulate(counts[::-1])[::-1]  # up to the last that counts
    powers = _POWERS @ np.where(kept, series, 0.0)
    slopes = np.abs(at[:, :-1] @ (powers[1:] * np.arange(1, _DEGREE + 1)[:, None])).max(0) / half
    exact = np.abs(at @ powers - values).max(0) <= _ROUNDING * (sizes.max(0) + slopes * span / 2)
    powers = powers[: max(1, int(kept.any(1).sum()))]
    return powers / half ** np.arange(len(powers))[:, None], bool(exact.all())


_HIGHEST = 8  # integer powers up to this are products
_BOUNDED = sympy.Function("bounded")  # NaN for infinity, as what a network gives of an infinite node


@dataclass
class Program:
    """What a function computes: steps one after the other, and its results.

    Parameters
    ----------
    function
        The name of the function.
    inputs
        The identifier of each input, by its name.
    steps
        Steps `symbol = formula`, in order.
    results
        The formulas of the outputs.
    curves
        Curves of spline edges that the steps call.
    """

    function: str
    inputs: dict[str, str]
    steps: list[tuple[sympy.Symbol, Formula]] = field(default_factory=list)
    results: list[Formula] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def formulas(self) -> list[Formula]:
        """Return the formulas of the steps and of the results."""
        return [*(value for _, value in self.steps), *self.results]

    def is_constant(self, formula: Formula) -> bool:
        """Return whether no input takes part in a formula.

        Parameters
        ----------
        formula
            A formula of the inputs and the steps' symbols.
        """
        values: dict[Part, Part] = dict(self.steps)
        return all(s in values and self.is_constant(values[s]) for s in formula.free_symbols)

    def helpers(self, texts: Mapping[str, str], spline: str, curve: Callable[[Curve], str]) -> list[str]:
        """Return the texts of the functions that are called, those of the curves last.

        Parameters
        ----------
        texts
            The text of each function that the language lacks, by its name.
        spline
            The text of the function that evaluates a curve.
        curve
            A function that returns the text of a curve.
        """
        parts = [part for formula in self.formulas() for part in formula.atoms(sympy.Function, sympy.Max, sympy.Min)]
        called = {part.func.__name__ for part in parts}
        found = [text for name, text in texts.items() if name in called]
        return [*found, spline, *map(curve, self.curves)] if self.curves else found


def program(source: Source, function: str, reserved: Collection[str], products: bool = False) -> Program:
    """Return formulas with common parts named once, or a network without a formula node by node.

    The curves of a network are named after the function.

    Parameters
    ----------
    source
        The formulas or the network.
    function
        The name of the function.
    reserved
        Identifiers that are taken, as words of the language.
    products
        Whether the base of each whole power up to 8 is a symbol, so that it can be multiplied by itself.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> source = Source(("x",), ("y",), {}, (sympy.sin(x) ** 2 + sympy.sin(x),), None)
    >>> found = program(source, "f", set())
    >>> found.steps, found.results
    ([(t1, sin(x))], [t1**2 + t1])
    """
    curves = [] if source.model is None else [spline_name(*edge) for edge in source.model.spline_edges()]
    reserved = {function, *reserved, *(f"{function}_{curve}" for curve in curves)}
    inputs = identifiers(source.names, reserved)
    out = Program(function, inputs)
    taken = {*reserved, *inputs.values()}
    if source.expressions is None:
        _walk(source, out, taken)
    fresh = sympy.numbered_symbols("t", start=1, exclude=[sympy.Symbol(name) for name in taken])
    if source.expressions is not None:
        names = {sympy.Symbol(name): sympy.Symbol(plain) for name, plain in inputs.items()}
        formulas = [guarded(in_core(e)).xreplace(names) for e in source.expressions]
        found: Part = sympy.cse(formulas, symbols=fresh)
        out.steps, out.results = found
    if products:
        _name_bases(out, fresh)
    return out


def _walk(source: Source, out: Program, taken: set[str]) -> None:
    """Return one step for each node that is computed, layer by layer."""
    assert source.model is not None
    values: list[Part] = [sympy.Symbol(out.inputs[name]) for name in source.names]
    for number, (layer, nodes) in enumerate(zip(source.model.layers, source.model.nodes[1:], strict=True)):
        subnodes = subnode_formulas(layer, values, partial(_spline, layer, number, out))
        formulas = nodes.formulas([in_core(subnode) for subnode in subnodes])
        if number == len(source.model.layers) - 1:
            out.results = formulas
            return
        plain = identifiers([f"h{number + 1}_{q + 1}" for q in range(len(formulas))], taken)
        taken.update(plain.values())
        values = [sympy.Symbol(name) for name in plain.values()]
        if source.model.layers[number + 1].active_symbols():
            formulas = [_BOUNDED(formula) for formula in formulas]
        out.steps += zip(values, formulas, strict=True)


def _spline(layer: KANLayer, number: int, out: Program, j: int, i: int, x: Formula) -> Formula:
    """A call of a spline edge's curve, which is added to the program, and its base function."""
    curve = curve_of(layer, f"{out.function}_{spline_name(number, j, i)}", j, i)
    out.curves.append(curve)
    call = sympy.Function(curve.name)(x)
    weight = 0.0 if layer.base is None else float(layer.base_weight[j, i].detach())
    if not weight:
        return call
    return call + sympy.Float(weight, 17) * {"identity": x, "silu": x / (1 + sympy.exp(-x))}[layer.base or "identity"]


def is_product(part: Part) -> bool:
    """Return whether a power is written as its base times itself."""
    return part.is_Pow and part.exp.is_Integer and 2 <= abs(int(part.exp)) <= _HIGHEST


def _name_bases(out: Program, fresh: Iterator[sympy.Symbol]) -> None:
    steps, named = [], {}

    def named_bases(formula: Part) -> Part:
        if not formula.args:
            return formula
        formula = formula.func(*(named_bases(a) for a in formula.args))
        if is_product(formula) and not formula.base.is_Symbol:
            base = formula.base
            if base not in named:
                named[base] = next(fresh)
                steps.append((named[base], base))
            return named[base] ** formula.exp
        return formula

    for symbol, formula in out.steps:
        steps.append((symbol, named_bases(formula)))
    out.results = [named_bases(formula) for formula in out.results]
    out.steps = steps
