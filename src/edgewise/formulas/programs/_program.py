"""A formula as a program: operations in postfix order, with weights; and whether it stays tame around its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._expression import Node, arity
from edgewise.formulas.programs._kernels import Job

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class Program:
    """A formula y = offset + scale f(x), with f as at most 64 nodes in postfix order; it never changes.

    `opcodes` are numbers of `OPERATIONS`; `arguments` are the columns of variables, 0 elsewhere; `weights` multiply
    variables and functions, and are the values of constants and the exponents of powers. A power is |u|^p; log and sqrt
    are nan outside their domain, and so are sin and cos of arguments beyond 1e5. `waves` counts half periods of sines
    and cosines beyond the first of each, on the rows that the program was fitted to.

    >>> from edgewise.formulas.programs import apply, combine, variable
    >>> nodes = combine("add", variable(0), apply("sin", variable(1, 2.0)))
    >>> f = Program.of(nodes, scale=3.0, offset=1.0)
    >>> f.predict(np.array([[1.0, 0.0], [2.0, 0.0]])), f.complexity
    (array([4., 7.]), 6)
    """

    opcodes: tuple[int, ...]
    arguments: tuple[int, ...]
    weights: tuple[float, ...]
    scale: float = 1.0
    offset: float = 0.0
    waves: int = 0

    def __post_init__(self) -> None:
        if not len(self.opcodes) == len(self.arguments) == len(self.weights):
            raise InputError("'opcodes', 'arguments' and 'weights' of a program must have one length.")
        if not 0 < len(self.opcodes) <= layout.LONGEST:
            raise InputError(f"A program has 1 to {layout.LONGEST} nodes. Got {len(self.opcodes)}.")
        if any(not 0 <= code < len(layout.NAMES) for code in self.opcodes):
            raise InputError(f"Opcodes are 0 to {len(layout.NAMES) - 1}. Got {self.opcodes}.")
        if any(place < 0 for place in self.arguments):
            raise InputError(f"Columns are counted from 0. Got {min(self.arguments)}.")
        if not np.isfinite([*self.weights, self.scale, self.offset]).all():
            raise InputError("The weights, scale and offset of a program must be finite.")
        depth = 0
        for code in self.opcodes:
            depth += 1 - arity(code)
            if depth < 1:
                raise InputError("An operation of the program lacks arguments: nodes stand in postfix order.")
        if depth != 1:
            raise InputError(f"The nodes make {depth} formulas: nodes stand in postfix order and make one.")

    @classmethod
    def of(cls, nodes: Sequence[Node], scale: float = 1.0, offset: float = 0.0) -> Program:
        """Return the program of nodes in postfix order."""
        codes, places = tuple(node.opcode for node in nodes), tuple(int(node.argument) for node in nodes)
        return cls(codes, places, tuple(float(node.weight) for node in nodes), float(scale), float(offset))

    @classmethod
    def from_record(cls, record: Any) -> Program:
        """Return the program of a kernel's record."""
        n = int(record["length"])
        codes, places, weights = (record[name][:n].tolist() for name in ("opcodes", "arguments", "weights"))
        scale, offset = float(record["scale"]), float(record["offset"])
        return cls(tuple(codes), tuple(places), tuple(weights), scale, offset, int(record["waves"]))

    @classmethod
    def from_expression(cls, expression: sympy.Expr, names: Sequence[str]) -> Program | None:
        """Return a formula as a program; None where it needs other functions, other names or more than 64 nodes.

        A power with an exponent that is no integer becomes |u|^p: the same wherever the formula is defined.

        >>> import sympy
        >>> x = sympy.Symbol("x")
        >>> f = Program.from_expression(3 * sympy.exp(-x / 2) + 1, ["x"])
        >>> f.expression(["x"]), Program.from_expression(sympy.gamma(x), ["x"])
        (1 + 3*exp(-0.5*x), None)
        """
        from edgewise.formulas.programs._expression import from_expression

        parts = from_expression(expression, names)
        return None if parts is None else cls.of(*parts)

    def __len__(self) -> int:
        return len(self.opcodes)

    @property
    def nodes(self) -> list[Node]:
        """The nodes in postfix order."""
        parts = zip(self.opcodes, self.arguments, self.weights, strict=True)
        return [Node(layout.NAMES[code], place, weight) for code, place, weight in parts]

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns that the program reads."""
        pairs = zip(self.opcodes, self.arguments, strict=True)
        return tuple(sorted({place for code, place in pairs if code == layout.VARIABLE}))

    @property
    def complexity(self) -> int:
        """Nodes and waves: a cube or a power is two nodes, a free weight of a function two more.

        Weights of variables, the outer scale and the offset are free of charge.
        """
        return self._tree[0] + self.waves

    @property
    def free(self) -> Array:
        """Which nodes have a free weight, (length,): one that no other weight and no outer scale expresses."""
        return np.array(self._tree[1])

    @property
    def constants(self) -> Array:
        """The free weights in the order of the nodes, the scale and the offset, (P + 2,)."""
        return np.array([*np.array(self.weights)[self.free], self.scale, self.offset])

    def with_constants(self, constants: Array) -> Program:
        """Return the program with other `constants`."""
        weights = np.array(self.weights)
        if np.shape(constants) != (int(self.free.sum()) + 2,):
            raise InputError(f"The program has {int(self.free.sum()) + 2} constants. Got {np.shape(constants)}.")
        weights[self.free] = constants[:-2]
        scale, offset = (float(number) for number in constants[-2:])
        return replace(self, weights=tuple(weights.tolist()), scale=scale, offset=offset)

    def predict(self, x: Array) -> Array:
        """Return the values (n,) at rows x (n, n_columns); nan where the formula is undefined."""
        job = Job(self.checked(x).T)
        self.write(job.record[0])
        values = np.empty(job.rows)
        job.run("values", values)
        with np.errstate(all="ignore"):
            return self.offset + self.scale * values

    def jacobian(self, x: Array) -> Array:
        """Return the derivatives (n, P + 2) of the values by the `constants`, at rows x (n, n_columns)."""
        if len(self.constants) > layout.MOST_CONSTANTS + 2:
            raise InputError(f"A program with derivatives has at most {layout.MOST_CONSTANTS} free weights.")
        job = Job(self.checked(x).T)
        self.write(job.record[0])
        by_weights, values = np.empty((len(self.constants) - 2, job.rows)), np.empty(job.rows)
        job.run("jacobian", by_weights)
        job.run("values", values)
        return np.column_stack([self.scale * by_weights.T, values, np.ones(job.rows)])

    def expression(self, names: Sequence[str], positive: Sequence[str] = ()) -> sympy.Expr:
        """Return the formula over symbols of these names, one for each column, every number folded into its neighbors.

        |u|^p of products of the `positive` names is written without the bars.
        """
        from edgewise.formulas.programs._expression import expression

        if self.columns and self.columns[-1] >= len(names):
            raise InputError(f"The program reads column {self.columns[-1]}. Got {len(names)} names.")
        return expression(self.nodes, self.scale, self.offset, names, positive)

    def write(self, record: Any) -> None:
        """Write the program into a kernel's record."""
        n = len(self)
        record["opcodes"][:n], record["arguments"][:n], record["weights"][:n] = (
            self.opcodes,
            self.arguments,
            self.weights,
        )
        record["length"], record["scale"], record["offset"], record["waves"] = n, self.scale, self.offset, self.waves

    def checked(self, x: Array) -> Array:
        """Return the rows of a table as doubles, once it has every column that the program reads."""
        table = np.asarray(x, dtype=np.float64)
        if table.ndim != 2:
            raise InputError(f"'X' must be a table of rows and columns. Got an array of shape {table.shape}.")
        if self.columns and table.shape[1] <= self.columns[-1]:
            raise InputError(f"The program reads column {self.columns[-1]}. 'X' has {table.shape[1]} columns.")
        return table

    @cached_property
    def _tree(self) -> tuple[int, tuple[bool, ...]]:
        """Return the nodes that the program counts for, and which weights are free."""
        job = Job(np.zeros((max(self.columns, default=0) + 1, 0)))
        self.write(job.record[0])
        job.run("values", np.empty(1))
        return int(job.record["nodes"][0]), tuple(job.free.tolist())


_POINTS = 2000
_MARGIN = 0.12  # of the range of a column: how far points lie outside


def probe(x: Array, rng: np.random.Generator, count: int = _POINTS, margin: float = _MARGIN) -> Array:
    """Return points (count, n_columns) between pairs of rows x (n, n_columns), and rows with a few columns moved.

    Mixtures of rows keep the correlations of the columns. Columns that are positive stay positive.

    >>> points = probe(np.array([[1.0], [2.0]]), np.random.default_rng(0))
    >>> bool(points.min() >= 0.8), bool(points.max() <= 2.12)
    (True, True)
    """
    n_moved = 1.5  # columns of a row that are moved, on average
    rows = np.asarray(x, dtype=np.float64)
    n, columns = rows.shape
    mix, half = rng.uniform(size=(count, 1)), count // 2
    points = rows[rng.integers(n, size=count)] * mix + rows[rng.integers(n, size=count)] * (1 - mix)
    moved = rng.random((half, columns)) < min(0.5, n_moved / columns) if columns > 1 else np.ones((half, columns))
    away = moved * margin * np.ptp(rows, axis=0) * rng.uniform(-1, 1, (half, columns))
    points[:half] = rows[rng.integers(n, size=half)] + away
    positive = (rows > 0).all(axis=0)
    points[:, positive] = np.maximum(points[:, positive], 0.8 * rows[:, positive].min(axis=0))
    return points


def is_tame(program: Program, points: Array, low: float, high: float) -> bool:
    """Return whether the values at the points (m, n_columns) are finite and near the target's range [low, high].

    With w = high - low, at most 0.3 % of the values are outside [low - w/2, high + w], and none outside
    [low - 2 w, high + 4 w]. One that is not readable is not tame.

    >>> from edgewise.expressions import parse
    >>> program = Program.from_expression(parse("1/(t - 1)"), ["t"])
    >>> is_tame(program, np.linspace(2, 3, 50)[:, None], 0.5, 1.0), is_tame(program, np.array([[1.01]]), 0.5, 1.0)
    (True, False)
    """
    fraction = 0.003  # of the points that may be a little outside
    if not is_readable(program):
        return False
    values, width = program.predict(points), high - low
    if not np.isfinite(values).all():
        return False
    outside = np.mean((values < low - 0.5 * width) | (values > high + width)) if len(values) else 0.0
    inside = np.all((values >= low - 2 * width) & (values <= high + 4 * width))
    return bool(outside <= fraction and inside)


def is_readable(program: Program) -> bool:
    """Return whether no power is beyond the hundredth, powers of powers and products included.

    sympy multiplies such powers out where it asks whether a tanh of them is finite, which may take minutes.

    >>> from edgewise.formulas.programs import apply, variable
    >>> square = apply("square", variable(0))
    >>> sixth = apply("cube", square)
    >>> is_readable(Program.of(sixth)), is_readable(Program.of(apply("cube", apply("cube", apply("cube", sixth)))))
    (True, False)
    """
    highest = 100  # power
    stack: list[float] = []
    for node in program.nodes:
        code = node.opcode
        if code <= layout.VARIABLE:
            stack.append(1.0)
        elif code <= layout.DIV:
            right, left = stack.pop(), stack.pop()
            stack.append(max(left, right) if code <= layout.SUB else left + right)
        else:
            factor = {layout.SQUARE: 2.0, layout.CUBE: 3.0, layout.POWER: abs(node.weight)}.get(code)
            inner = stack.pop()
            stack.append(1.0 if factor is None else factor * inner)
        if stack[-1] > highest:
            return False
    return True
