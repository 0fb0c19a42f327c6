"""pykan's automatic way from a table to a formula."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

import contextlib
from typing import Any

import sympy
import torch

from edgewise.expressions import evaluate
from edgewise_bench.baselines import default_dtype, silenced
from edgewise_bench.benchmarks.searchers._base import Found, Searcher, Table

_STEPS, _HIDDEN, _PENALTY, _FINE, _ATTEMPTS = 50, 5, 1e-3, 10, 3
_LIBRARY = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]


class PyKANFormula(Searcher):
    """The steps of its tutorial: a sparse fit, pruning, a finer grid, automatic functions, a last fit."""

    name = "pykan"
    module = "kan"
    install = "pykan"
    settings = (
        "as in its tutorial: [n, 5, 1], grid 3; L-BFGS, 50 steps, with lamb 0.001; prune; 50 steps; refine to grid 10; "
        "50 steps; auto_symbolic with the tutorial's ten functions; 50 steps, here with the grids left as they are; "
        "up to three seeds where it fails; no time limit"
    )
    timed = False

    def find(self, table: Table) -> Found:
        """Return the formula of the first seed whose steps all succeed."""
        for attempt in range(_ATTEMPTS - 1):
            with contextlib.suppress(Exception):  # of all kinds: values that are not finite, layers without nodes
                return _found(table, table.seed + attempt)
        return _found(table, table.seed + _ATTEMPTS - 1)

    def warm_up(self) -> None:
        """Import the library only: its steps take seconds on any table."""
        with silenced():
            import kan  # noqa: F401


def _found(table: Table, seed: int) -> Found:
    from kan import KAN

    x, y = torch.from_numpy(table.x), torch.from_numpy(table.y)[:, None]
    # Pruning goes by the rows that went through the network last: those of its test.
    rows = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
    names = [sympy.Symbol(name) for name in table.names]
    with default_dtype(torch.float64), silenced():
        model: Any = KAN(width=[len(names), _HIDDEN, 1], grid=3, k=3, seed=seed)
        model.fit(rows, opt="LBFGS", steps=_STEPS, lamb=_PENALTY)
        model = model.prune()
        model.fit(rows, opt="LBFGS", steps=_STEPS)
        model = model.refine(_FINE)
        model.fit(rows, opt="LBFGS", steps=_STEPS)
        model.auto_symbolic(lib=_LIBRARY)
        formula = model.symbolic_formula(var=names)[0][0]
        model.fit(rows, opt="LBFGS", steps=_STEPS, update_grid=False)  # splines are gone, and their update fails
        last = model.symbolic_formula(var=names)[0][0]
    formula = formula if last.has(sympy.nan) else last
    return Found(formula, lambda x: evaluate(formula, table.names, x), f"done, seed {seed}")
