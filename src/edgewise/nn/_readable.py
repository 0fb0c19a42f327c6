"""Whether a network can be written as a formula that one would read."""

from __future__ import annotations

from edgewise.nn._network import KAN

_LONGEST = 2000  # terms


def is_readable(model: KAN) -> bool:
    """Whether every edge is symbolic and the formula has at most about 2000 terms, told before it is made.

    The terms are as many as the ways that lead from the inputs to the outputs.

    >>> model = KAN([1, 1])
    >>> is_readable(model)
    False
    """
    if any(bool(layer.spline_mask().any()) for layer in model.layers):  # type: ignore[operator]
        return False
    ways = [1] * model.n_in
    for layer, nodes in zip(model.layers, model.nodes[1:], strict=True):
        rows: list[list[bool]] = layer.mask.tolist()  # type: ignore[union-attr,operator]
        into = [sum(w for w, on in zip(ways, row, strict=True) if on) for row in rows]
        ways = [sum(into[j] for j in group) for group in nodes.groups()]
    return sum(ways) <= _LONGEST
