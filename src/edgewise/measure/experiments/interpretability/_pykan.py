"""A formula by pykan, the way that its first notebook goes."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from edgewise._typing import Array
from edgewise.measure.baselines import default_dtype, pykan_rows, silenced

_LAMB, _SEED = 1e-3, 42  # of its notebook


def pykan_formula(x: Array, y: Array, names: Sequence[str], steps: int = 50) -> Any:
    """Train [n, 5, 1] with its sparsity, prune, train, refine to 10 cells, train, choose functions, train.

    Returns a sympy expression. Everything else is at the library's defaults.
    """
    import sympy
    from kan import KAN

    rows, inputs = pykan_rows((x, y)), torch.from_numpy(x)
    with default_dtype(torch.float64), silenced():
        model = KAN(width=[x.shape[1], 5, 1], grid=3, k=3, seed=_SEED, auto_save=False)
        model.fit(rows, opt="LBFGS", steps=steps, lamb=_LAMB)
        model(inputs)
        model = model.prune_node(log_history=False)  # `prune` does the same, but its copy writes files
        model.auto_save = False
        model(inputs)
        model.attribute()
        model.prune_edge(log_history=False)
        model.fit(rows, opt="LBFGS", steps=steps)
        model = model.refine(10)
        model.auto_save = False
        model.fit(rows, opt="LBFGS", steps=steps)
        model(inputs)
        model.auto_symbolic()
        model.fit(rows, opt="LBFGS", steps=steps)
        return model.symbolic_formula(var=[sympy.Symbol(name) for name in names])[0][0]
