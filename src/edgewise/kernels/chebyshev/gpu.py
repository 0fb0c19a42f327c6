"""Chebyshev operations on a GPU by Triton; `reference` is their law, `Operations` says what they take and give."""

from __future__ import annotations

from edgewise.kernels._gpu import Operations
from edgewise.kernels._gpu import unavailable as unavailable

_operations = Operations("edgewise.kernels.chebyshev._triton_values", lambda size: size + 1)
expand, contract = _operations.expand, _operations.contract
pull_x, pull_c = _operations.pull_x, _operations.pull_c
