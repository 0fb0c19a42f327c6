"""From formulas to the network that computes them, tried at random points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
import torch
from sympy.functions.elementary.trigonometric import TrigonometricFunction
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise._typing import Array, Formula, Part
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import (
    Budget,
    Tape,
    check_names,
    in_plain_symbols,
    library_function,
    parse_within,
    used_names,
)
from edgewise.interpret.symbolic._edges import Subnode, Term, real, shown, split, subnode
from edgewise.nn import KAN, Nodes, Width, layer_of


def network_of(formula: Any, names: Sequence[str] | None = None, *, layers: int = 1) -> KAN:
    """Return the network of symbolic edges that computes a formula, or several: the reverse of `KAN.formula`.

    Sums become sum nodes, products product nodes, powers and functions of one argument edges; a value that is needed
    later is passed on by an edge x. u^v with a varying v is exp(v log u), so u has to be positive. Constants
    of an edge that its others can absorb are frozen, so that training moves each value of the formula once.

    Parameters
    ----------
    formula
        Text (see `parse`), a sympy expression or a number; a list of them gives one output for each.
    names
        The inputs in order; None for those of the formula in order of the alphabet.
    layers
        Number of layers at least; further ones pass the outputs on, which makes room for hidden nodes (see `nn.widen`).

    Raises
    ------
    InputError
        For text that `parse` refuses, names that are no inputs, functions outside the library, and numbers that are not
        real and finite.

    Examples
    --------
    >>> from edgewise.symbolic import network_of
    >>> network_of("exp(sin(pi*x) + y^2)").widths
    [2, 1, 1]
    >>> network_of("2*x/y^2").formula(["x", "y"])
    2*x/y**2
    >>> network_of(["x*y", "x + y"], ["x", "y", "unused"]).formula(["x", "y", "unused"])
    [x*y, x + y]
    """
    given = list(formula) if isinstance(formula, list | tuple) else [formula]
    if not given:
        raise InputError("'formula' is an empty list. Give at least one formula.")
    if not is_int(layers, 1):
        raise InputError(f"'layers' must be an int >= 1. Got {layers!r}.")
    chosen = None if names is None else check_names(names)
    budget = Budget()
    try:
        return budget.run(lambda: _compiled(given, chosen, layers, budget))
    except RecursionError:
        raise InputError("The formula is nested too deeply. Name its parts, and put them in one by one.") from None


def _compiled(given: list[Any], names: list[str] | None, layers: int, budget: Budget) -> KAN:
    most_edges = 1_000_000  # places for edges in a network
    outputs = [_formula(one, names, budget) for one in given]
    names = used_names(outputs) if names is None else names
    if not names:
        raise InputError("The formula holds no name. Say with 'names' which inputs the network has.")
    plan = _Plan(names, budget)
    below = plan.layers(outputs, layers)
    widths = [len(names), *(plan.width(nodes, k) for k, nodes in enumerate(below, 1))]
    nodes = [Nodes.parse(width) for width in widths]
    edges = sum(one.n_nodes * other.n_subnodes for one, other in pairwise(nodes))
    if edges > most_edges:
        raise InputError(
            f"The formula needs a network of {edges} possible edges in {len(below)} layers, and at most {most_edges} "
            "are built. Name its parts, and put them in one by one."
        )
    model = KAN(widths, grid=5, base=None)
    before: list[Formula] = [sympy.Symbol(name) for name in names]
    for number, layer in enumerate(below):
        _fill(model, number, plan, before, layer)
        before = layer
    try_out(model, outputs, names, budget)
    return model


def _formula(given: Any, names: list[str] | None, budget: Budget) -> Formula:
    """Return one formula over plain symbols, whatever it was given as."""
    if isinstance(given, str):
        return parse_within(given, names, budget)
    form = sympy.sympify(given) if isinstance(given, int | float) and not isinstance(given, bool) else given
    if not isinstance(form, sympy.Expr):
        raise InputError(f"A formula is text, a sympy expression or a number. Got {type(given).__name__}.")
    if form.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise InputError(f"The formula {shown(form)} is not finite.")
    return _real(in_plain_symbols(form))


def _real(form: Part) -> Part:
    """Return the formula for names that are real; sympy makes exp(re(x)) of |exp(x)|, as x might not be."""
    kept = {sympy.re: lambda u: u, sympy.conjugate: lambda u: u, sympy.im: lambda _: sympy.Integer(0)}
    for kind, meaning in kept.items():
        form = form.replace(kind, meaning)
    return form


def _fill(model: KAN, number: int, plan: _Plan, before: list[Formula], nodes: list[Formula]) -> None:
    """Set the edges of one layer, and which of their constants are free."""
    layer = layer_of(model, number)
    layer.mask[:] = False
    layer.affine_free[:] = False
    place = {node: i for i, node in enumerate(before)}
    j = 0
    for node in nodes:
        computed = plan.rank[node] == number + 1
        parts = plan.subnodes[node] if computed else [Subnode(0.0, (Term("x", 1.0, node, 0.0, 1.0),))]
        for p, part in enumerate(parts):
            terms = part.terms or (Term("x", 1.0, before[0], 0.0, 0.0),)
            for k, term in enumerate(terms):
                edge = j, place[term.u]
                layer.mask[edge] = True
                layer.name_edge(edge, term.function)
                constants = [term.a, term.b, term.c, part.constant if k == 0 else 0.0]
                layer.affine.data[edge] = torch.tensor(constants, dtype=layer.dtype)
                if computed:
                    scaled = k > 0 or (p == 0 and node in plan.outputs)
                    shifted = k == 0 and (len(parts) > 1 or node in plan.outputs)
                    layer.affine_free[edge] = torch.tensor(_free(term, bool(part.terms), scaled, shifted))
            j += 1


def _free(term: Term, varies: bool, scaled: bool, shifted: bool) -> list[bool]:
    """Return which of a, b, c, d training may move: those that no other constant can stand in for.

    The scale of a factor is that of the first one; scale and shift of a hidden sum are those of the edges that leave.
    """
    gauge = library.get(term.function).gauge
    return [varies and gauge in ("none", "shift"), varies and gauge in ("none", "scale"), varies and scaled, shifted]


@dataclass
class _Plan:
    """Nodes by formula: their subnodes (one: a sum, several: a product) and the layer that can first compute them."""

    names: Sequence[str]
    budget: Budget
    outputs: set[Formula] = field(default_factory=set)
    subnodes: dict[Formula, list[Subnode]] = field(default_factory=dict)
    rank: dict[Formula, int] = field(default_factory=dict)

    def layers(self, outputs: list[Formula], least: int) -> list[list[Formula]]:
        """Return the nodes of at least `least` layers: sums before products, and values that are needed later.

        The outputs keep their order. Where a product among them would have to come before a sum, all are passed on.
        """
        self.outputs = set(outputs)
        depth = max(least, *(self._add(output) for output in outputs))
        products = [self._is_product(output, depth) for output in outputs]
        if products != sorted(products):
            depth += 1
        layers: list[list[Formula]] = [[] for _ in range(depth)]
        layers[-1] = outputs
        for level in range(depth - 1, 0, -1):
            needed: dict[Formula, None] = {}
            for node in layers[level]:
                computed = self.rank[node] == level + 1
                below = [t.u for part in self.subnodes[node] for t in part.terms] if computed else [node]
                needed.update(dict.fromkeys(below))
            # A constant needs no node, but each layer has one.
            nodes = list(needed) or [sympy.Symbol(self.names[0])]
            layers[level - 1] = sorted(nodes, key=lambda node: self._is_product(node, level))
        return layers

    def width(self, nodes: list[Formula], level: int) -> Width:
        """Return the width of a layer, numbered from 1."""
        arities = [len(self.subnodes[node]) for node in nodes if self._is_product(node, level)]
        return len(nodes) - len(arities), arities

    def _is_product(self, node: Formula, level: int) -> bool:
        return self.rank[node] == level and len(self.subnodes.get(node, ())) > 1

    def _add(self, node: Formula) -> int:
        """Plan a node and everything under it; returns its layer."""
        if node in self.rank:
            return self.rank[node]
        self.budget.check()
        if isinstance(node, sympy.Symbol):
            if node.name not in self.names:
                raise unknown("name", node.name, self.names)
            self.rank[node] = 0
            return 0
        coefficient, factors = split(node)
        if len(factors) > 1:
            first, *others = (subnode(factor) for factor in factors)
            parts = [first.scaled(real(coefficient)), *others]
        else:
            parts = [subnode(node)]
        below = [self._add(term.u) for part in parts for term in part.terms]
        self.subnodes[node] = parts
        self.rank[node] = 1 + max(below, default=0)
        return self.rank[node]


_POINTS, _ROUNDS = 64, 8
_SHAKEN = 3  # evaluations with each step changed at random, which show what rounding can do
_DECADES = 250  # sizes from 1e-250 to 1e250, so that no intermediate value leaves the doubles
_U = sympy.Symbol("u")


def try_out(model: KAN, formulas: Sequence[Formula], names: Sequence[str], budget: Budget) -> None:
    """Raise InputError where a network differs from its formulas at random points.

    The formulas are worked out part by part by numpy, from their sympy expressions alone. Points count where the
    formula is finite and no rounding error is magnified beyond doubt; where there are none, more are drawn a few times.
    """
    most = 4000  # parts that are worked out, before no more points are drawn
    rng = np.random.default_rng(0)
    numbers = _numbers(formulas)
    open_ = dict(enumerate(formulas))
    for count in range(_ROUNDS):
        points = _points(rng, len(names), numbers)
        given = _network(model, points)
        values = _Values(dict(zip(map(sympy.Symbol, names), points.T, strict=True)), rng, budget)
        for output, formula in list(open_.items()):
            truth, tolerance = values.judged(formula)
            wrong = np.abs(given[:, output] - truth) > tolerance
            wrong |= ~np.isfinite(given[:, output]) & np.isfinite(tolerance)
            if wrong.any():
                raise _unfaithful(formula, names, points[wrong][0], given[wrong, output][0], truth[wrong][0])
            if np.isfinite(tolerance).any():
                del open_[output]
        if not open_ or (count + 1) * len(values.known) > most:
            return


def _unfaithful(formula: Formula, names: Sequence[str], point: Array, given: float, truth: float) -> InputError:
    place = ", ".join(f"{name} = {value:.6g}" for name, value in zip(names[:3], point, strict=False))
    place += ", ..." if len(names) > 3 else ""
    return InputError(
        f"The formula {shown(formula)} cannot be compiled faithfully: at {place} the network gives {given:.12g}, "
        f"the formula {truth:.12g}. Write it in another way, and please report it."
    )


def _numbers(formulas: Sequence[Formula]) -> list[float]:
    """Sizes of the numbers in formulas, near which their domains may lie."""
    atoms = {atom for formula in formulas for atom in formula.atoms(sympy.Rational, sympy.Float)}
    sizes = {min(abs(real(atom)), 1e100) for atom in list(atoms)[:100]}
    return sorted(size for size in sizes if size > 0) or [1.0]


def _points(rng: np.random.Generator, n_in: int, numbers: list[float]) -> Array:
    """Return points (n, n_in): of size one and of all sizes, of both signs, and near the formula's own numbers."""
    shape = _POINTS // 4, n_in
    signs = rng.choice([-1.0, 1.0], shape)
    near = rng.choice(numbers, shape) * rng.choice([1.0, signs[0, 0]], shape)
    blocks = [
        rng.uniform(0.1, 2.0, shape),
        rng.uniform(-2.0, 2.0, shape),
        rng.choice([1.0, signs[0, 0]], shape) * 10 ** rng.uniform(-6, 6, shape),
        near * (1 + 10 ** rng.uniform(-3, 0, shape) * signs) + rng.uniform(-1, 1, shape),
    ]
    return np.concatenate(blocks)


def _network(model: KAN, points: Array) -> Array:
    """Return the outputs of a network of symbolic edges; calling it would compile the kernels of splines."""
    x: Tensor = torch.from_numpy(points)
    with torch.no_grad():
        for depth, nodes in enumerate(model.nodes[1:]):
            layer = layer_of(model, depth)
            sums = torch.zeros(len(x), layer.n_out, dtype=torch.float64)
            for name, edges in layer.active_symbols().items():
                j, i = torch.tensor(edges).T
                a, b, c, d = layer.affine[j, i].double().unbind(-1)
                sums.index_add_(1, j, c * library.get(name).torch(a * x[:, i] + b) + d)
            x = nodes.combine(sums)
    return x.numpy()


class _Values:
    """The values of formulas at points, first as they are, then with each step shaken."""

    def __init__(self, columns: dict[Formula, Array], rng: np.random.Generator, budget: Budget) -> None:
        self.rng, self.budget = rng, budget
        self.known = {symbol: self._step(np.tile(column, (1 + _SHAKEN, 1))) for symbol, column in columns.items()}
        self.count = len(next(iter(columns.values())))

    def judged(self, formula: Formula) -> tuple[Array, Array]:
        """Return the values and the differences that rounding can make; infinite where it may be any."""
        factor, sure = 10.0, 1e-12  # allowed difference: times that of the shaken ones; of the value
        with np.errstate(all="ignore"):
            truth, *shaken = self.of(formula)
            spread = np.abs(np.stack(shaken) - truth).max(0)
            tolerance = factor * spread + sure * np.abs(truth)
        return truth, np.where(np.isfinite(tolerance), tolerance, np.inf)

    def of(self, formula: Formula) -> Array:
        if formula not in self.known:
            self.budget.check()
            self.known[formula] = self._step(self._worked_out(formula))
        return self.known[formula]

    def _worked_out(self, formula: Part) -> Array:
        whole_turns = 1e12  # an angle beyond, once shaken, may be any
        if formula.is_number:
            return np.full((1 + _SHAKEN, self.count), real(formula))
        parts = [self.of(part) for part in formula.args]
        if formula.is_Add:
            return np.sum(parts, axis=0)
        if formula.is_Mul:
            values = np.prod(parts, axis=0)
            sizes = np.sum([np.abs(np.log10(np.abs(part))) for part in parts], axis=0)
            values[(sizes >= _DECADES) & (values != 0)] = np.nan
        else:
            values = np.power(*parts) if formula.is_Pow else np.asarray(_function(formula)(*parts))
            if formula.is_Pow and not formula.exp.is_number:
                values = np.where(parts[0] == 0, np.nan, values)  # 0^v, of which numpy makes 1 where v is 0 too
            if isinstance(formula, TrigonometricFunction):
                values = np.where(np.abs(parts[0]) < whole_turns, values, np.nan)
        return np.where((values == 0) & np.all(parts, axis=0), np.nan, values)  # too small for a double

    def _step(self, values: Array) -> Array:
        """Return values of moderate size, those after the first row shaken."""
        shake = 1e-13  # relative change of a step; rounding changes it by a thousandth of that
        size = np.abs(values)
        usable = (values == 0) | ((size > 10.0**-_DECADES) & (size < 10.0**_DECADES))
        values = np.where(usable, values, np.nan)
        values[1:] *= 1 + shake * self.rng.standard_normal(values[1:].shape)
        return values


def _function(formula: Formula) -> Callable[..., Any]:
    """Return a function of the library as scipy or numpy has it; as torch has it where they have none."""
    tape = _tape(formula.func)
    if tape is not None:
        return lambda values: tape.values([values.ravel()]).reshape(values.shape)
    found = library_function(formula)
    assert found is not None
    row = library.get(found[0])
    return lambda values: row.torch(torch.from_numpy(values)).numpy()


@cache
def _tape(function: Any) -> Tape | None:
    try:
        tape = Tape(function(_U), [_U.name])
        tape.values([np.array([0.5])])
    except Exception:  # noqa: BLE001 (whatever a registered function makes of it)
        return None
    return tape
