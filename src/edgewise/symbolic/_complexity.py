"""How complex a network is to write down."""

from __future__ import annotations

from edgewise import functions
from edgewise.nn import KAN, layer_of
from edgewise.symbolic._curve import CurveFit


def network_complexity(model: KAN) -> int:
    """Return what it takes to write a network down: its edges, and the additions and products that join them.

    A symbolic edge counts as its function, plus one for each constant that is not trivial (see `CurveFit.complexity`);
    an edge whose constant c is zero counts one, for its constant d. A spline edge counts its coefficients. A subnode of
    n edges is n - 1 additions, a product of r subnodes r - 1 multiplications. A node that is used twice counts once.

    >>> import edgewise as ew
    >>> from sympy import Symbol, exp
    >>> x, y = Symbol("x"), Symbol("y")
    >>> network_complexity(ew.symbolic.network_of(exp(x) * y, ["x", "y"])), network_complexity(ew.KAN([2, 1], grid=5))
    (4, 17)
    """
    total = 0
    for depth, nodes in enumerate(model.nodes[1:]):
        layer = layer_of(model, depth)
        splines = layer.spline_mask()
        total += int(splines.sum()) * layer.coefficients.shape[-1]
        for name, edges in layer.active_symbols().items():
            row = functions.get(name)
            for j, i in edges:
                a, b, c, d = layer.affine[j, i].tolist()
                total += CurveFit(row, a, b, c, d, 0.0).complexity if c != 0 else 1
        total += int((layer.mask.sum(1) - 1).clamp_min(0).sum())
        total += sum(len(group) - 1 for group in nodes.groups())
    return total
