"""Rules laid on single edges: locks, directions, smoothness, the functions allowed."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError, unknown
from edgewise.formulas import functions as library
from edgewise.nn._layer import Edge, KANLayer, Rule
from edgewise.nn._network import KAN
from edgewise.nn._surgery import clone, edge_of, of_edge

Direction = Literal["up", "down", "any"]
"""How an edge may be required to run: rising, falling, or freely."""
_DIRECTIONS = {"up": 1, "down": -1, "any": 0}


def lock(model: KAN, edges: Iterable[Edge]) -> KAN:
    """Return the network with the functions of edges (layer, j, i) fixed.

    No training moves them: not their coefficients or constants, in second or first order, nor the knots under them.
    Where a grid grows, the cells under a locked spline are split, so that its layer takes a multiple of its grid. What
    enters a locked edge may still change; only its function is fixed. A file keeps locks.

    Parameters
    ----------
    model
        The network; it is not changed.
    edges
        The edges (layer, j, i).

    Raises
    ------
    InputError
        For edges that are not there.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import lock
    >>> model = lock(ew.KAN([2, 1, 1], grid=5), [(0, 0, 1)])
    >>> ew.nn.Layout(model).size                              # 2 edges of 3 are trained
    16
    """
    return _ruled(model, edges, locked=True)


def unlock(model: KAN, edges: Iterable[Edge]) -> KAN:
    """Return the network with edges (layer, j, i) free to be trained.

    Parameters
    ----------
    model
        The network; it is not changed.
    edges
        The edges (layer, j, i).

    Raises
    ------
    InputError
        For edges that are not there.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import lock, unlock
    >>> model = lock(ew.KAN([2, 1, 1], grid=5), [(0, 0, 1)])
    >>> ew.nn.Layout(unlock(model, [(0, 0, 1)])).size
    24
    """
    return _ruled(model, edges, locked=False)


@of_edge
def monotone(model: KAN, edge: Edge, direction: Direction) -> KAN:
    """Return the network with the spline of an edge rising, falling or free.

    The coefficients of a rising B-spline ascend: c_1 <= c_2 <= ...; the nearest ones that do take the place of those
    that do not. Second-order training bends the curve by a penalty on the differences of the wrong sign, and ends with
    the nearest monotone curve; Adam and L-BFGS only do the last.

    Parameters
    ----------
    model
        The network; it is not changed.
    edge
        The edge (layer, j, i), from node i to subnode j.
    direction
        "up" for rising, "down" for falling, "any" for free.

    Raises
    ------
    InputError
        For an edge that is not there, is symbolic, is no spline or has a base function.

    References
    ----------
    Bollaerts, Eilers, van Mechelen, Simple and multiple P-splines regression with shape constraints (2006).

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import monotone
    >>> model = monotone(ew.KAN([1, 1]), (0, 0, 0), "up")
    >>> bool((model.layers[0].coefficients.diff(dim=-1) >= 0).all())
    True
    """
    if direction not in _DIRECTIONS:
        raise unknown("direction", direction, _DIRECTIONS)
    found = _spline_of(model, edge)
    if found.degree is None or found.base is not None:
        raise InputError(
            "Only splines without a base function are held monotone (basis 'bspline' or 'linear', base None). "
            f"This network has basis {found.basis.name!r}, base {found.base!r}."
        )
    return shaped(_ruled(model, [edge], monotone=_DIRECTIONS[direction]))


@of_edge
def smooth(model: KAN, edge: Edge, weight: float) -> KAN:
    """Return the network with a weight on the roughness of one edge, which second-order training heeds.

    The objective gains weight x mean (d output / d subnode)^2 x c' R c, as `Options(smoothing=...)` does for all edges.

    Parameters
    ----------
    model
        The network; it is not changed.
    edge
        The edge (layer, j, i), from node i to subnode j.
    weight
        The weight. 0 takes it away; 1e-4 to 1 are usual.

    Raises
    ------
    InputError
        For an edge that is not there or is symbolic, and for weights below 0.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import smooth
    >>> smooth(ew.KAN([1, 1]), (0, 0, 0), 1e-2).layers[0].rules[0, 0].smooth
    0.01
    """
    if not is_number(weight, 0):
        raise InputError(f"'weight' must be a finite number >= 0. Got {weight!r}.")
    _spline_of(model, edge)
    return _ruled(model, [edge], smooth=float(weight))


@of_edge
def require(model: KAN, edge: Edge, functions: Iterable[str]) -> KAN:
    """Return the network with the functions named that an edge may be read as.

    Parameters
    ----------
    model
        The network; it is not changed.
    edge
        The edge (layer, j, i), from node i to subnode j.
    functions
        The names of the functions; none allows all.

    Raises
    ------
    InputError
        For an edge that is not there, and for unknown functions.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import require
    >>> require(ew.KAN([1, 1]), (0, 0, 0), ["sin", "cos"]).layers[0].rules[0, 0].functions
    ('sin', 'cos')
    """
    if isinstance(functions, str):
        raise InputError(f"'functions' must be a list of names, like ['sin', 'cos']. Got {functions!r}.")
    names = tuple(library.get(name).name for name in functions)
    return _ruled(model, [edge], functions=names)


def _spline_of(model: KAN, edge: Edge) -> KANLayer:
    found, (layer, j, i) = edge_of(model, *edge), edge
    if (j, i) in found.symbols:
        raise InputError(f"Edge ({layer}, {j}, {i}) is {found.symbols[j, i]}: only splines are held in shape.")
    return found


def _ruled(model: KAN, edges: Iterable[Edge], **changes: Any) -> KAN:
    new = clone(model)
    for layer, j, i in edges:
        rules = edge_of(new, layer, j, i).rules
        rule = replace(rules.pop((j, i), Rule()), **changes)
        if rule != Rule():
            rules[j, i] = rule
    return new


def shaped(model: KAN) -> KAN:
    """Return the network with every spline that must rise or fall doing so; the network itself where all do.

    Parameters
    ----------
    model
        The network; it is not changed.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import shaped
    >>> model = ew.KAN([1, 1])
    >>> shaped(model) is model
    True
    """
    wrong = [
        (depth, edge, rule.monotone)
        for depth, layer in enumerate(model.layers)
        for edge, rule in layer.rules.items()
        if rule.monotone and layer.free_splines()[edge]
        if bool((rule.monotone * layer.coefficients[edge].detach().diff() < 0).any())
    ]
    if not wrong:
        return model
    new = clone(model)
    with torch.no_grad():
        for depth, edge, sign in wrong:
            c = new.layers[depth].coefficients
            c[edge] = sign * ascending(sign * c[edge])
    return new


def has_shapes(model: KAN) -> bool:
    """Return whether an edge has to be smooth or monotone.

    Parameters
    ----------
    model
        The network.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import has_shapes, smooth
    >>> has_shapes(ew.KAN([1, 1])), has_shapes(smooth(ew.KAN([1, 1]), (0, 0, 0), 0.1))
    (False, True)
    """
    return any(rule.smooth > 0 or rule.monotone != 0 for layer in model.layers for rule in layer.rules.values())


def ascending(values: Tensor) -> Tensor:
    """Return the nearest numbers (K,) that ascend: r_k = max_{i <= k} min_{j >= k} mean(v_i .. v_j).

    Parameters
    ----------
    values : (K,)
        The numbers.

    References
    ----------
    Robertson, Wright and Dykstra, Order Restricted Statistical Inference (1988), theorem 1.4.4.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import ascending
    >>> ascending(torch.tensor([1.0, 3.0, 2.0, 4.0])).tolist()
    [1.0, 2.5, 2.5, 4.0]
    """
    count = len(values)
    sums = torch.cat([values.new_zeros(1), values.cumsum(0)])
    place = torch.arange(count, device=values.device)
    means = (sums[None, 1:] - sums[:-1, None]) / (place[None] - place[:, None] + 1)
    means = torch.where(place[None] >= place[:, None], means, torch.inf)
    least = means.flip(1).cummin(1).values.flip(1)
    least = torch.where(place[None] >= place[:, None], least, -torch.inf)
    return least.cummax(0).values.diagonal().cummax(0).values
