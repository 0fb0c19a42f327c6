"""The trial of a compiled network: its values at random points against those of its formulas."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import sympy
import torch
from sympy.functions.elementary.trigonometric import TrigonometricFunction
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Array, Formula, Part
from edgewise.formulas import functions as library
from edgewise.formulas.expressions import Budget, Tape, library_function
from edgewise.interpret.symbolic._edges import real, shown
from edgewise.nn import KAN, layer_of

_POINTS, _ROUNDS = 64, 8
_MOST = 4000  # parts that are worked out, before no more points are drawn
_SHAKEN = 3  # evaluations with each step changed at random, which show what rounding can do
_SHAKE = 1e-13  # relative change of a step; rounding changes it by a thousandth of that
_FACTOR, _SURE = 10.0, 1e-12  # allowed difference: times that of the shaken ones; of the value
_DECADES = 250  # sizes from 1e-250 to 1e250, so that no intermediate value leaves the doubles
_WHOLE_TURNS = 1e12  # an angle beyond, once shaken, may be any
_U = sympy.Symbol("u")


def try_out(model: KAN, formulas: Sequence[Formula], names: Sequence[str], budget: Budget) -> None:
    """Raise InputError where a network differs from its formulas at random points.

    The formulas are worked out part by part by numpy, from their sympy expressions alone. Points count where the
    formula is finite and no rounding error is magnified beyond doubt; where there are none, more are drawn a few times.
    """
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
        if not open_ or (count + 1) * len(values.known) > _MOST:
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
        with np.errstate(all="ignore"):
            truth, *shaken = self.of(formula)
            spread = np.abs(np.stack(shaken) - truth).max(0)
            tolerance = _FACTOR * spread + _SURE * np.abs(truth)
        return truth, np.where(np.isfinite(tolerance), tolerance, np.inf)

    def of(self, formula: Formula) -> Array:
        if formula not in self.known:
            self.budget.check()
            self.known[formula] = self._step(self._worked_out(formula))
        return self.known[formula]

    def _worked_out(self, formula: Part) -> Array:
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
                values = np.where(np.abs(parts[0]) < _WHOLE_TURNS, values, np.nan)
        return np.where((values == 0) & np.all(parts, axis=0), np.nan, values)  # too small for a double

    def _step(self, values: Array) -> Array:
        """Return values of moderate size, those after the first row shaken."""
        size = np.abs(values)
        usable = (values == 0) | ((size > 10.0**-_DECADES) & (size < 10.0**_DECADES))
        values = np.where(usable, values, np.nan)
        values[1:] *= 1 + _SHAKE * self.rng.standard_normal(values[1:].shape)
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
