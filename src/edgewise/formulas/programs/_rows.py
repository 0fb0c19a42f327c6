"""Tables that programs are fitted to: checked, weighted, in units where the numbers are about one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._kernels import Job
from edgewise.formulas.programs._program import Program

_USUAL = (0.2, 6.0)  # root mean squares of columns that stay as they are


@dataclass(frozen=True)
class Rows:
    """Rows of positive weight, with columns and target divided by powers of two, which is exact.

    Shapes: columns (n_columns, n), target and weights (n,), scales (n_columns,). The target's mean is subtracted.
    """

    columns: Array
    target: Array
    weights: Array
    scales: Array
    unit: float
    mean: float

    @classmethod
    def of(cls, x: Array, y: Array, weights: Array | None = None) -> Rows:
        """Return the rows of a table x (n, n_columns) with target y (n,) and non-negative weights (n,)."""
        table, target, weight = checked_table(x, y, weights)
        kept = weight > 0
        columns, target, weight = np.ascontiguousarray(table[kept].T), target[kept], weight[kept]
        scales = np.array([_scale(column) for column in columns])
        mean = float(np.average(target, weights=weight))
        unit = _power_of_two(float(np.std(target)))
        return cls(columns / scales[:, None], (target - mean) / unit, weight, scales, unit, mean)

    def __len__(self) -> int:
        return len(self.target)

    def job(self) -> Job:
        """Return a job on these rows."""
        return Job(self.columns, self.target, self.weights)

    def inside(self, program: Program) -> Program:
        """Return a program of the table in the units of these rows."""
        weights = self._weights(program, self.scales)
        scale, offset = program.scale / self.unit, (program.offset - self.mean) / self.unit
        return replace(program, weights=weights, scale=scale, offset=offset)

    def outside(self, program: Program) -> Program:
        """Return a program of these rows in the units of the table."""
        weights = self._weights(program, 1 / self.scales)
        scale, offset = program.scale * self.unit, program.offset * self.unit + self.mean
        return replace(program, weights=weights, scale=scale, offset=offset)

    def _weights(self, program: Program, factors: Array) -> tuple[float, ...]:
        parts = zip(program.opcodes, program.arguments, program.weights, strict=True)
        return tuple(
            weight * float(factors[place]) if code == layout.VARIABLE else weight for code, place, weight in parts
        )


def checked_table(x: Array, y: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """Return a table (n, n_columns), a target (n,) and weights (n,) as doubles, once they can be worked with."""
    table, target = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if table.ndim != 2 or target.shape != (len(table),):
        raise InputError(f"'X' must be (n, columns) and 'y' (n,). Got {table.shape} and {target.shape}.")
    weight = np.ones(len(target)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != target.shape:
        raise InputError(f"'weights' must have one number for each of the {len(target)} rows. Got {weight.shape}.")
    for name, array in (("X", table), ("y", target), ("weights", weight)):
        if not np.isfinite(array).all():
            raise InputError(f"'{name}' must be finite. Leave out rows with nan or infinite values.")
    if (weight < 0).any() or not (weight > 0).any():
        raise InputError("'weights' must not be negative, and some must be positive.")
    return table, target, weight


def _scale(column: Array) -> float:
    size = float(np.sqrt(np.mean(np.square(column / _largest(column))))) * _largest(column)
    return 1.0 if _USUAL[0] <= size <= _USUAL[1] else _power_of_two(size)


def _largest(column: Array) -> float:
    return float(np.max(np.abs(column), initial=0.0)) or 1.0


def _power_of_two(size: float) -> float:
    return 2.0 ** int(np.clip(np.round(np.log2(size)), -1000, 1000)) if size > 0 else 1.0
