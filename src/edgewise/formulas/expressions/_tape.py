"""Formulas as a list of operations, and as numbers with a reverse sweep for their constants."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np
import sympy

from edgewise._typing import Array, Formula, Part


class Step(NamedTuple):
    """One operation on the values at earlier places.

    Parameters
    ----------
    kind
        "input", "constant" or "number"; "power" of a fixed exponent; "where" of a condition and two values; else the
        name of a class of sympy, such as "Add" or "sin".
    places
        The places of the values that it takes.
    number
        The column, the number of the constant, the number or the exponent.
    """

    kind: str
    places: tuple[int, ...] = ()
    number: float = 0.0


class Steps:
    """Formulas compiled to steps; common subexpressions are computed once.

    Inputs come first, then constants, so that the columns and the constants are the first values. Symbols are matched
    with inputs by name, whatever their assumptions. The attribute `formulas` holds those that the steps compute,
    `outputs` the places of the ones given.

    Parameters
    ----------
    formulas
        The formulas.
    names
        Names of the inputs.
    constants
        The symbols of the constants.

    Raises
    ------
    KeyError
        Where a symbol is neither an input nor a constant.

    Examples
    --------
    >>> import sympy
    >>> from edgewise.expressions import Steps
    >>> x = sympy.Symbol("x")
    >>> [step.kind for step in Steps([sympy.exp(x**2) + x**2], ["x"]).steps]
    ['input', 'power', 'exp', 'Add']
    """

    def __init__(
        self, formulas: Sequence[Formula], names: Sequence[str], constants: Sequence[sympy.Symbol] = ()
    ) -> None:
        self.steps = [Step("input", (), k) for k in range(len(names))]
        self.steps += [Step("constant", (), k) for k in range(len(constants))]
        self.formulas: list[Part] = [*map(sympy.Symbol, names), *constants]
        self._inputs = {name: k for k, name in enumerate(names)}
        self._places: dict[Part, int] = {symbol: len(names) + k for k, symbol in enumerate(constants)}
        self.outputs = [self._place(sympy.sympify(formula, strict=True)) for formula in formulas]

    def _place(self, formula: Part) -> int:
        """Return where the value of a formula is found; its steps are added where it is new."""
        place = self._places.get(formula)
        if place is None:
            if isinstance(formula, sympy.Symbol):
                place = self._inputs[formula.name]
            else:
                step = self._step(formula)
                self.steps.append(step)
                self.formulas.append(formula)
                place = len(self.steps) - 1
            self._places[formula] = place
        return place

    def _step(self, formula: Part) -> Step:
        if isinstance(formula, sympy.Expr) and not formula.free_symbols:
            return Step("number", (), number_of(formula))
        if isinstance(formula, sympy.Pow) and formula.exp.is_Rational:
            return Step("power", (self._place(formula.base),), float(formula.exp))
        if isinstance(formula, sympy.Piecewise) and isinstance(
            formula.args[0].args[1], sympy.core.relational.Relational
        ):
            return self._piecewise(formula)
        whole = all(isinstance(part, sympy.Expr) for part in formula.args)
        parts = formula.args if whole else sorted(formula.free_symbols, key=str)
        return Step(type(formula).__name__, tuple(map(self._place, parts)))

    def _piecewise(self, formula: Part) -> Step:
        (value, condition), *rest = formula.args
        if not rest:
            other: Part = sympy.nan
        else:
            other = rest[0].expr if rest[0].cond is sympy.true else sympy.Piecewise(*rest)
        return Step("where", tuple(self._place(part) for part in (condition, value, other)))


@lru_cache(maxsize=4096)
def number_of(formula: Part) -> float:
    """Return an expression without symbols as a double, nan if it is not a real number."""
    if formula.is_Float or formula.is_Rational:
        return float(formula)
    value = formula.evalf(20)
    return float(value) if value.is_Float or value.is_Rational else float("nan")


Values = Callable[..., Array]
Slope = Callable[[int, list[Array], Array], Array]  # position, argument values, own value
Operation = tuple[Values, Slope]


def _product(*factors: Array) -> Array:
    return reduce(np.multiply, factors)


def _product_slope(position: int, values: list[Array], _: Array) -> Array:
    rest = values[:position] + values[position + 1 :]
    return _product(*rest) if rest else np.array(1.0)


def _power_slope(position: int, values: list[Array], v: Array) -> Array:
    base, exponent = values
    if position == 0:
        return exponent * np.power(base, exponent - 1)
    return np.where((base == 0) & (v == 0), 0.0, v * np.log(base))


def _where_slope(position: int, values: list[Array], _: Array) -> Array:
    return np.where(values[0], float(position == 1), float(position == 2))


def _no_slope(*_: object) -> Array:
    raise TypeError("The derivative of this function is not known.")


def _flat(*_: object) -> Array:
    return np.array(0.0)


#: kind of a step -> its value, and its derivative by one of its arguments z
_OPERATIONS: dict[str, Operation] = {
    "Add": (lambda *terms: reduce(np.add, terms), lambda *_: np.array(1.0)),
    "Mul": (_product, _product_slope),
    "Pow": (np.power, _power_slope),
    "where": (np.where, _where_slope),
    "exp": (np.exp, lambda _, z, v: v),
    "log": (np.log, lambda _, z, v: 1 / z[0]),
    "sin": (np.sin, lambda _, z, v: np.cos(z[0])),
    "cos": (np.cos, lambda _, z, v: -np.sin(z[0])),
    "tan": (np.tan, lambda _, z, v: 1 + v * v),
    "asin": (np.arcsin, lambda _, z, v: 1 / np.sqrt(1 - z[0] * z[0])),
    "acos": (np.arccos, lambda _, z, v: -1 / np.sqrt(1 - z[0] * z[0])),
    "atan": (np.arctan, lambda _, z, v: 1 / (1 + z[0] * z[0])),
    "sinh": (np.sinh, lambda _, z, v: np.cosh(z[0])),
    "cosh": (np.cosh, lambda _, z, v: np.sinh(z[0])),
    "tanh": (np.tanh, lambda _, z, v: 1 - v * v),
    "asinh": (np.arcsinh, lambda _, z, v: 1 / np.sqrt(1 + z[0] * z[0])),
    "acosh": (np.arccosh, lambda _, z, v: 1 / np.sqrt(z[0] * z[0] - 1)),
    "atanh": (np.arctanh, lambda _, z, v: 1 / (1 - z[0] * z[0])),
    "Abs": (np.abs, lambda _, z, v: np.sign(z[0])),
    "sign": (np.sign, lambda _, z, v: 0 * z[0]),
    "StrictGreaterThan": (np.greater, _flat),
    "GreaterThan": (np.greater_equal, _flat),
    "StrictLessThan": (np.less, _flat),
    "LessThan": (np.less_equal, _flat),
    "Equality": (np.equal, _flat),
    "Unequality": (np.not_equal, _flat),
}
#: fixed exponent of a power -> the same; p z**(p - 1) for the others
_POWERS: dict[float, Operation] = {
    2.0: (np.square, lambda _, z, v: 2 * z[0]),
    3.0: (lambda z: z * z * z, lambda _, z, v: 3 * z[0] * z[0]),
    4.0: (lambda z: np.square(z * z), lambda _, z, v: 4 * z[0] * z[0] * z[0]),
    -1.0: (lambda z: 1 / z, lambda _, z, v: -v * v),
    -2.0: (lambda z: 1 / (z * z), lambda _, z, v: -2 * v / z[0]),
    0.5: (np.sqrt, lambda _, z, v: 0.5 / v),
    -0.5: (lambda z: 1 / np.sqrt(z), lambda _, z, v: -0.5 * v / z[0]),
}


class Tape:
    """An expression compiled for many evaluations with changing constants.

    Only steps that depend on a constant take part in the reverse sweep, so x**p with a fixed p never takes the
    logarithm of x.

    Parameters
    ----------
    expression
        The expression.
    names
        The variables, in the order of the columns.
    constants
        The symbols whose derivatives are wanted.
    functions
        What undefined functions of the expression compute, by name; none by default.

    Raises
    ------
    KeyError
        Where a symbol is neither a variable nor a constant.
    """

    def __init__(
        self,
        expression: Part,
        names: Sequence[str],
        constants: Sequence[sympy.Symbol] = (),
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        compiled = Steps([expression], names, constants)
        self._n_inputs, self._n_constants = len(names), len(constants)
        self._leaves = len(names) + len(constants)
        self._steps, (self._root,) = compiled.steps, compiled.outputs
        self._numbers = {k: np.array(s.number) for k, s in enumerate(self._steps) if s.kind == "number"}
        self._active = [step.kind == "constant" for step in self._steps]
        self._operations: dict[int, Operation] = {}
        for k, (step, formula) in enumerate(zip(self._steps, compiled.formulas, strict=True)):
            if k >= self._leaves and step.kind != "number":
                self._active[k] = any(self._active[place] for place in step.places)
                self._operations[k] = _operation(step, formula, functions or {})

    def values(self, columns: Sequence[Array], constants: Sequence[float | Array] | Array = ()) -> Array:
        """Return the values (N,); nan or inf where undefined.

        Parameters
        ----------
        columns : (N,)
            The columns, an array each.
        constants : (P,)
            The values of the constants; an array (N,) for one that differs between rows.
        """
        return self._broadcast(self._forward(columns, constants)[self._root], columns)

    def at_poles(self, columns: Sequence[Array]) -> Array:
        """Return where a part of an expression without pieces or constants has a pole, (N,).

        Parameters
        ----------
        columns : (N,)
            The columns, an array each.
        """
        values, found = self._forward(columns, ()), [np.zeros(len(columns[0]) if columns else 1, dtype=bool)]
        for step in [] if any(step.kind == "where" for step in self._steps) else self._steps:
            if step.kind == "log" or (step.kind == "power" and step.number < 0):
                found.append(values[step.places[0]] == 0)
        return np.any(np.broadcast_arrays(*found), axis=0)

    def jacobian(self, columns: Sequence[Array], constants: Sequence[float | Array] | Array) -> tuple[Array, Array]:
        """Return the values (N,) and their derivatives (N, P) with respect to the P constants.

        Parameters
        ----------
        columns : (N,)
            The columns, an array each.
        constants : (P,)
            The values of the constants; an array (N,) for one that differs between rows.
        """
        values = self._forward(columns, constants)
        sweep: list[Any] = [None] * len(self._steps)
        sweep[self._root] = np.float64(1.0)
        with np.errstate(all="ignore"):
            for k in range(len(self._steps) - 1, self._leaves - 1, -1):
                flow = sweep[k]
                if flow is None or not self._active[k]:
                    continue
                places, slope = self._steps[k].places, self._operations[k][1]
                inputs = [values[place] for place in places]
                for position, place in enumerate(places):
                    if self._active[place]:
                        part = flow * slope(position, inputs, values[k])
                        sweep[place] = part if sweep[place] is None else sweep[place] + part
        jacobian = np.zeros((len(columns[0]) if columns else 1, self._n_constants))
        for k in range(self._n_constants):
            part = sweep[self._n_inputs + k]
            if part is not None:
                jacobian[:, k] = part
        return self._broadcast(values[self._root], columns), jacobian

    def _forward(self, columns: Sequence[Array], constants: Sequence[float | Array] | Array) -> list[Array]:
        values: list[Any] = [*columns, *(np.float64(c) for c in constants)]
        with np.errstate(all="ignore"):
            for k in range(self._leaves, len(self._steps)):
                number = self._numbers.get(k)
                if number is None:
                    number = self._operations[k][0](*(values[place] for place in self._steps[k].places))
                values.append(number)
        return values

    @staticmethod
    def _broadcast(value: Array, columns: Sequence[Array]) -> Array:
        return np.array(np.broadcast_to(value, len(columns[0]) if columns else 1), dtype=np.float64)


def _operation(step: Step, formula: Formula, functions: Mapping[str, Callable[..., Any]]) -> Operation:
    """Return the value of a step from those of its arguments, and its derivative by one of them."""
    if step.kind == "power":
        p = step.number
        return _POWERS.get(p) or (lambda z: np.power(z, p), lambda _, z, v: p * np.power(z[0], p - 1))
    if step.kind in _OPERATIONS:
        return _OPERATIONS[step.kind]
    if step.kind in functions:
        call = functions[step.kind]
        return lambda *values: _real(call(*values)), _no_slope
    return _opaque(formula)


def _opaque(formula: Formula) -> Operation:
    """Return the parts of a step for a function that is not in the table (erf, Max, ...)."""
    whole = all(isinstance(part, sympy.Expr) for part in formula.args)
    inner = formula.args if whole else sorted(formula.free_symbols, key=str)
    dummies = tuple(sympy.Dummy(f"z{k}", real=True) for k in range(len(inner)))
    pattern = formula.func(*dummies) if whole else formula.xreplace(dict(zip(inner, dummies, strict=True)))

    def slope(position: int, values: list[Array], _: Array) -> Array:
        return _lambda(dummies, sympy.diff(pattern, dummies[position]))(*values)

    return _lambda(dummies, pattern), slope


@lru_cache(maxsize=512)
def _lambda(dummies: tuple[sympy.Dummy, ...], pattern: Formula) -> Callable[..., Array]:
    call = sympy.lambdify(dummies, pattern, modules=["scipy", "numpy"])
    return lambda *values: _real(call(*values))


def _real(value: object) -> Array:
    """Return an array of doubles, nan where a value is complex."""
    array: Any = np.asarray(value)
    if np.iscomplexobj(array):
        return np.where(np.abs(array.imag) <= 1e-14 * np.abs(array.real), array.real, np.nan)
    return array.astype(np.float64)


def evaluate(expr: Part, names: Sequence[str], x: Array) -> Array:
    """Return the values (N,) of a formula at the rows of a table, nan where it is undefined.

    Symbols are matched with columns by name, whatever their assumptions. A constant is repeated N times; complex
    values, poles and overflows are nan.

    Parameters
    ----------
    expr
        The formula.
    names
        Names of the columns, any texts.
    x : (N, len(names))
        The rows of the table.

    Raises
    ------
    KeyError
        For a symbol of the formula that is not among the names.

    Examples
    --------
    >>> import numpy as np
    >>> import sympy
    >>> from edgewise.expressions import evaluate
    >>> evaluate(sympy.sqrt(sympy.Symbol("x")), ["x"], np.array([[4.0], [-1.0]]))
    array([ 2., nan])
    """
    table = np.asarray(x, dtype=np.float64)
    columns = [np.ascontiguousarray(table[:, i]) for i in range(table.shape[1])]
    tape = Tape(expr, names)
    values = np.broadcast_to(tape.values(columns), len(table)).copy()
    values[~np.isfinite(values) | tape.at_poles(columns)] = np.nan
    return values
