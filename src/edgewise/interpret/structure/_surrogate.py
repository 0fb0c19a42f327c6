"""A smooth function that stands for a table, a network or a law, together with how far it may be off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.interpret.symmetries import Gradients, TableProcess, choices, inner_rows, waves
from edgewise.train import as_matrix

Function = Callable[[Tensor], Tensor]
_SAMPLES = 6  # functions that could as well be the true one
_LEAST_ROWS = 20


@dataclass(frozen=True)
class Surrogate:
    """A function of the columns of x, and samples of what it might be as well.

    Parameters
    ----------
    values
        A function that maps points (n, m) to (n, 1 + samples), the best guess first.
    slopes
        A function that maps points (n, m) to the derivatives of the values by each column, (n, m, 1 + samples).
    x : (n, m)
        The rows that it is known on.
    spread
        The standard deviation of the target.
    error
        Its root mean square error on the rows over `spread`.
    names
        Names of the columns.
    """

    values: Callable[[Tensor], Tensor]
    slopes: Callable[[Tensor], Tensor]
    x: Tensor
    spread: float
    error: float
    names: tuple[str, ...]

    @property
    def n_columns(self) -> int:
        return self.x.shape[1]

    @cached_property
    def inner(self) -> Gradients:
        """Values and slopes at up to 400 rows between the 3rd and 97th percentile of every column, in random order."""
        rows = self.x[inner_rows(self.x, _LEAST_ROWS)]
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:400]]
        return Gradients(rows, self.values(rows), self.slopes(rows))


def surrogate(
    x: Data, y: Data | Function, *, error: float = 0.0, names: Sequence[str] | None = None, seed: int = 0
) -> Surrogate:
    """Return what structure is read from: a function fitted to values y, or the function y itself, on the rows of x.

    Parameters
    ----------
    x : (n, m)
        The rows: an array, a tensor or a DataFrame.
    y
        Values (n,) or (n, 1), which are fitted by a Gaussian process (of the logarithm where that predicts left-out
        rows better); its samples show how far values and slopes may be off, noise included. Or a function, such as a
        KAN or a law, that maps points (n, m) to (n,) or (n, 1) by operations that torch differentiates.
    error
        The root mean square error of a function over its standard deviation, 0 for an exact one.
    names
        Names of the columns, x1, x2, ... by default.
    seed
        Seed of the rows that are fitted, and of the samples.

    Raises
    ------
    InputError
        For values that are not finite or fit together badly, a constant column or target, fewer than 20 rows, a
        function whose result has another shape or cannot be differentiated.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> exact = ew.structure.surrogate(x, lambda x: x[:, 0] / x[:, 1])
    >>> fitted = ew.structure.surrogate(x, x[:, 0] / x[:, 1])
    >>> exact.error, fitted.error < 1e-3
    (0.0, True)
    """
    rows = as_matrix(x, "x")
    named = _names(names, rows.shape[1])
    if len(rows) < _LEAST_ROWS:
        raise InputError(f"Structure needs at least {_LEAST_ROWS} rows. Got {len(rows)}.")
    for i, spread in enumerate(rows.std(0).tolist()):
        if spread <= 1e-12 * float(rows[:, i].abs().max()):
            raise InputError(f"Column {named[i]} of x is constant, so nothing can be told about it: leave it out.")
    if not is_number(error, 0) or error >= 1:
        raise InputError(f"'error' must be a share of the function's spread, from 0 to below 1. Got {error!r}.")
    if callable(y):
        return _known(rows, y, float(error), named, seed)
    values = as_matrix(y, "y")
    if values.shape != (len(rows), 1):
        raise InputError(f"y must hold one number for each of the {len(rows)} rows of x. Got {tuple(values.shape)}.")
    return _fitted(rows, values[:, 0], named, seed)


def _names(names: Sequence[str] | None, m: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"x{i + 1}" for i in range(m))
    if isinstance(names, str) or len(names) != m or not all(isinstance(name, str) for name in names):
        raise InputError(f"'names' must be {m} strings, one for each column of x. Got {names!r}.")
    if len(set(names)) < m:
        raise InputError(f"'names' must differ from each other. Got {list(names)!r}.")
    return tuple(names)


def _known(
    x: Tensor, function: Callable[[Tensor], Tensor], error: float, names: tuple[str, ...], seed: int
) -> Surrogate:
    """The surrogate of a function, its error stood for by random waves."""

    def column(points: Tensor) -> Tensor:
        values: Any = function(points)
        if not isinstance(values, Tensor) or values.shape not in ((len(points),), (len(points), 1)):
            shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise InputError(
                f"The function must map points (n, {x.shape[1]}) to a tensor (n,) or (n, 1). Got {shape} for n = "
                f"{len(points)}."
            )
        return values.reshape(-1, 1).to(points.dtype)

    values = column(x.clone().requires_grad_(True))
    if not torch.isfinite(values).all():
        row = int((~torch.isfinite(values)).nonzero()[0, 0])
        raise InputError(f"The function is not finite at row {row} of x. Leave out rows outside its domain.")
    if not values.requires_grad:
        raise InputError("The function's result does not depend on its points by operations that torch differentiates.")
    spread = float(values.detach().std())
    if spread <= 1e-12 * float(values.detach().abs().max()):
        raise InputError("The function is constant on the rows of x: it has no structure.")
    functions = _with_error(column, x, error * spread, seed) if error else column
    return Surrogate(torch.no_grad()(functions), _differentiated(functions), x, spread, error, names)


def _with_error(function: Callable[[Tensor], Tensor], x: Tensor, size: float, seed: int) -> Callable[[Tensor], Tensor]:
    """The function, and samples that differ from it by sums of random waves of a root mean square of `size`."""
    generator = torch.Generator().manual_seed(int(seed))
    wrinkles = 1.5  # radians per spread of a column
    frequency, phase, weight = waves(x.std(0) / wrinkles, size, 64, _SAMPLES, generator)

    def functions(points: Tensor) -> Tensor:
        best = function(points)
        return torch.cat([best, best + torch.cos(points @ frequency + phase) @ weight], dim=1)

    return functions


def _differentiated(functions: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The derivatives by each column, by automatic differentiation."""

    def slopes(points: Tensor) -> Tensor:
        at = points.detach().clone().requires_grad_(True)
        with torch.enable_grad():
            columns = functions(at).unbind(1)
            parts = [torch.autograd.grad(column.sum(), at, retain_graph=True)[0] for column in columns]
        return torch.stack(parts, dim=2)

    return slopes


def _fitted(x: Tensor, y: Tensor, names: tuple[str, ...], seed: int) -> Surrogate:
    """The process that predicts left-out rows best, of the table or of logarithms of it."""
    spread = float(y.std())
    if spread <= 1e-12 * float(y.abs().max()):
        raise InputError("y is constant: it has no structure.")
    best: Surrogate | None = None
    for seen in choices(x, y):
        found = TableProcess.of(seen, x, y, torch.ones_like(y), _SAMPLES, seed=seed)
        error = float(found.residual.square().mean().sqrt() / y[found.process.kept].std())
        if best is None or error < best.error:
            best = Surrogate(found.values, found.slopes, x, spread, error, names)
    assert best is not None
    return best
