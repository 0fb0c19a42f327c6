"""pykan's automatic way from a table to a formula."""

# pyright: reportMissingImports=false
# The library lives in an environment of its own.

from __future__ import annotations

from typing import Any

import sympy
import torch

from edgewise._typing import Array
from edgewise.benchmark.libraries._pykan import in_precision, silent
from edgewise.benchmark.searchers._base import Found, Searcher, Table

_STEPS, _HIDDEN, _PENALTY, _FINE = 50, 5, 1e-3, 10
_LIBRARY = ["x", "x^2", "x^3", "x^4", "exp", "log", "sqrt", "tanh", "sin", "abs"]


class PyKANFormula(Searcher):
    """The steps of its tutorial: a sparse fit, pruning, a finer grid, automatic functions, a last fit."""

    name = "pykan"
    module = "kan"
    install = "pykan"
    settings = (
        "as in its tutorial: [n, 5, 1], grid 3; L-BFGS, 50 steps, with lamb 0.001; prune; 50 steps; refine to grid 10; "
        "50 steps; auto_symbolic with the tutorial's ten functions; 50 steps; no time limit"
    )
    timed = False

    def find(self, table: Table) -> Found:
        from kan import KAN

        x, y = torch.from_numpy(table.x), torch.from_numpy(table.y)[:, None]
        # Scores for pruning are of the rows that went through the network last: those of its test.
        rows = {"train_input": x, "train_label": y, "test_input": x, "test_label": y}
        with in_precision(torch.float64), silent():
            model: Any = KAN(width=[len(table.names), _HIDDEN, 1], grid=3, k=3, seed=table.seed)
            model.fit(rows, opt="LBFGS", steps=_STEPS, lamb=_PENALTY)
            model = model.prune()
            model.fit(rows, opt="LBFGS", steps=_STEPS)
            model = model.refine(_FINE)
            model.fit(rows, opt="LBFGS", steps=_STEPS)
            model.auto_symbolic(lib=_LIBRARY)
            model.fit(rows, opt="LBFGS", steps=_STEPS)
            formula = model.symbolic_formula(var=[sympy.Symbol(name) for name in table.names])[0][0]

        def predict(x: Array) -> Array:
            with in_precision(torch.float64), silent(), torch.no_grad():
                return model(torch.from_numpy(x))[:, 0].numpy()

        return Found(formula, predict, "done")

    def warm_up(self) -> None:
        """Import only: its steps take seconds on any table."""
        with silent():
            import kan  # noqa: F401
