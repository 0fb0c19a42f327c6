"""Add capacity to a trained network: finer knots, more nodes, splines in place of functions, noise."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise.formulas import functions
from edgewise.nn._grids import MARGINS, Grid, cells_for, check_count, finer, grids_of, knots_over, set_knots
from edgewise.nn._init import check_size, initial_values
from edgewise.nn._layer import Edge
from edgewise.nn._network import KAN
from edgewise.nn._nodes import Nodes, Width
from edgewise.nn._surgery import arranged, clone, edge_of, layer_of
from edgewise.nn.bases import fit_curves


def refine_grid(model: KAN, factor: int) -> KAN:
    """Return the same function on a grid `factor` times as fine: exact to rounding, but for "rbf" by least squares.

    Cells are split into equal ones; the degree or the number of harmonics grows by the factor.

    Parameters
    ----------
    model
        The network; it is not changed.
    factor
        How many cells each cell becomes.

    Raises
    ------
    InputError
        For a factor that is no int >= 1.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import refine_grid
    >>> refine_grid(ew.KAN([2, 1], grid=5), 2).layers[0].grid
    10
    """
    check_count("factor", factor)
    new = clone(model)
    for layer in new.layers:
        set_knots(layer, *finer(layer, factor))
    return new


def adapt_grid(
    model: KAN, x: Tensor, grid: int | Sequence[Grid] | None = None, *, margins: tuple[float, float] = MARGINS,
    quantiles: float = 0.0,
) -> KAN:  # fmt: skip
    """Return the network with every layer's knots moved to the range that its inputs take on the rows of x.

    Functions are carried over by least squares: exact where the new knots contain the old. Under a locked spline knots
    stay: its layer takes the largest multiple of its own grid up to `grid`.

    Parameters
    ----------
    model
        The network; it is not changed.
    x : (n, n_in)
        The inputs.
    grid
        The number of cells of each layer's finest input; those of others keep their proportion to it. A list has an
        entry for each layer: such a number, or a list with the cells of each input. None keeps the grids.
    margins
        The fractions of its range by which knots reach beyond it: (for the inputs, for hidden nodes).
    quantiles
        The share, in [0, 0.95], by which the knots of B-splines are blended with the samples' quantiles.

    Raises
    ------
    InputError
        For x of another shape, without rows or not finite, values of nodes that are not finite, and settings out of
        range.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import adapt_grid
    >>> model = adapt_grid(ew.KAN([1, 1]), torch.rand(100, 1) * 50, grid=20)
    >>> model.layers[0].grid
    20
    >>> [layer.grids for layer in adapt_grid(ew.KAN([2, 1, 1]), torch.rand(100, 2), grid=[[32, 4], 8]).layers]
    [[32, 4], [8]]
    """
    pair = isinstance(margins, tuple | list) and len(margins) == 2
    if not (pair and all(is_number(margin, 0, 1e6) for margin in margins)):
        raise InputError(f"'margins' must be two numbers >= 0, for inputs and for hidden nodes. Got {margins!r}.")
    if not is_number(quantiles, 0, 0.95):
        raise InputError(f"'quantiles' must lie in [0, 0.95]. Got {quantiles!r}.")
    if grid is not None and not isinstance(grid, list | tuple):
        check_count("grid", grid)
    grids = grids_of(grid, [layer.n_in for layer in model.layers])
    if not isinstance(x, Tensor):
        raise InputError(f"x must be a tensor (rows, {model.n_in}). Got {type(x).__name__}.")
    if x.dim() != 2 or x.shape[1] != model.n_in or len(x) == 0:
        raise InputError(f"x must have shape (rows, {model.n_in}) with at least one row. Got {tuple(x.shape)}.")
    new = clone(model)
    h = x.to(new.dtype)
    with torch.no_grad():
        for depth, (layer, nodes) in enumerate(zip(new.layers, new.nodes[1:], strict=True)):
            if not torch.isfinite(h).all():
                what = "x is" if depth == 0 else f"The values of the nodes before layer {depth} are"
                raise InputError(
                    f"{what} not finite everywhere: a symbolic edge may have left its domain, or a row is bad."
                )
            cells = cells_for(layer, grids[depth])
            check_size(layer.n_in, layer.n_out, layer.basis.count(max(cells)), layer.dtype)
            set_knots(layer, knots_over(layer, h, cells, margins[depth > 0], quantiles), max(cells))
            h = nodes.combine(layer(h))
    return new


def with_locked(model: KAN, old: KAN) -> KAN:
    """Return the network, changed in place, with its locked edges' parameters as they are in another.

    Parameters
    ----------
    model
        The network.
    old
        The network of the same shape that the parameters are taken from.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import with_locked
    >>> old, new = ew.nn.lock(ew.KAN([1, 1], seed=0), [(0, 0, 0)]), ew.nn.lock(ew.KAN([1, 1], seed=1), [(0, 0, 0)])
    >>> x = torch.rand(5, 1)
    >>> torch.equal(with_locked(new, old)(x), old(x))
    True
    """
    names = ("coefficients", "base_weight", "affine")
    with torch.no_grad():
        for layer, before in zip(model.layers, old.layers, strict=True):
            locked = layer.locked_mask()
            for name in names if bool(locked.any()) else ():
                getattr(layer, name)[locked] = getattr(before, name).detach()[locked]
    return model


def widen(model: KAN, depth: int, nodes: Width, *, seed: int = 0) -> KAN:
    """Return the network with more nodes before layer `depth`, which change nothing until they are trained.

    Edges into the new nodes are fresh splines, drawn as the layer's `init` says; edges out of them are splines that are
    zero. New sums come after the old ones, new products after the old ones.

    Parameters
    ----------
    model
        The network; it is not changed.
    depth
        The number of the layer, 1 to the last, before which the nodes lie.
    nodes
        The new nodes, a width as `KAN` takes it: 3 adds three sums, (1, 2) one sum and two products, (0, [3]) a product
        of three.
    seed
        Seed of the fresh splines.

    Raises
    ------
    InputError
        For a depth that is not between two layers, and widths that are none.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import widen
    >>> law = ew.symbolic.network_of("exp(-t)*x", ["t", "x"], layers=2)
    >>> wide = widen(law, 1, (2, 1))
    >>> law.widths, wide.widths
    ([2, (0, 1), 1], [2, (2, 2), 1])
    >>> x = torch.rand(5, 2, dtype=torch.float64)
    >>> torch.allclose(wide(x), law(x), rtol=1e-12)
    True
    """
    count = len(model.layers)
    if not is_int(depth, 1, count - 1):
        raise InputError(
            f"'depth' must be the number of a layer with hidden nodes before it, 1 to {count - 1}. Got {depth!r}."
            if count > 1
            else "A network of one layer has no hidden nodes. Make it with more: network_of(..., layers=2)."
        )
    added, old = Nodes.parse(nodes), model.nodes[depth]
    new = clone(model)
    new.nodes[depth] = Nodes(old.n_sum + added.n_sum, old.arities + added.arities)
    before, after = layer_of(model, depth - 1), layer_of(model, depth)
    subnodes = _with_new(old.n_sum, old.n_subnodes, added.n_sum, added.n_subnodes)
    hidden = _with_new(old.n_sum, old.n_nodes, added.n_sum, added.n_nodes)
    grown, fresh = arranged(before, subnodes, range(before.n_in))
    new.layers[depth - 1], new.layers[depth] = grown, arranged(after, range(after.n_out), hidden)[0]
    curves, weights = initial_values(grown, torch.Generator().manual_seed(int(seed)))
    with torch.no_grad():
        grown.coefficients[fresh] = curves.to(grown.dtype)[fresh]
        grown.base_weight[fresh] = weights.to(grown.dtype)[fresh]
    return new


def to_splines(model: KAN, x: Tensor, edges: Iterable[Edge] | None = None, *, grid: int | None = None) -> KAN:
    """Return the network with functions on edges replaced by splines, which can be trained into something else.

    Each spline is the least-squares fit to its c f(a u + b) + d over the range that the rows of x reach, where the
    knots of every layer move, as in `adapt_grid`.

    Parameters
    ----------
    model
        The network; it is not changed.
    x : (n, n_in)
        The inputs.
    edges
        The edges (layer, j, i) to replace; all that are functions by default.
    grid
        The number of cells; as before by default.

    Raises
    ------
    InputError
        For edges that are no functions, and functions that are not finite on that range.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> from edgewise.nn import to_splines
    >>> x = torch.rand(200, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> model = ew.symbolic.network_of("exp(t)", ["t"])
    >>> (to_splines(model, x, grid=20)(x) - model(x)).abs().max().item() < 1e-6
    True
    """
    symbolic = {(k, *e) for k, layer in enumerate(model.layers) for e in layer.symbols if layer.mask[e]}
    chosen = sorted(symbolic) if edges is None else [(k, j, i) for k, j, i in edges]
    for edge in chosen:
        edge_of(model, *edge)
        if edge not in symbolic:
            raise InputError(f"Edge {edge} is no function: it is a spline or removed.")
    new = adapt_grid(model, x, grid, margins=(0.0, 0.0))
    for edge in chosen:
        _become_spline(new, edge)
    return new


def perturb(model: KAN, scale: float = 0.01, *, seed: int = 0) -> KAN:
    """Return the network with noise on all that training may change.

    A constant v of a symbolic edge becomes v (1 + scale n), a coefficient c of a spline c + scale r n with r the root
    mean square of its edge's coefficients; n is normal. Locked edges and frozen constants stay.

    Parameters
    ----------
    model
        The network; it is not changed.
    scale
        The standard deviation of the noise, relative to the values.
    seed
        Seed of the noise.

    Raises
    ------
    InputError
        For a scale that is not a number >= 0.

    Examples
    --------
    >>> import edgewise as ew
    >>> from edgewise.nn import perturb
    >>> perturb(ew.symbolic.network_of("sin(2*t)", ["t"])).formula(["t"])
    0.97...*sin(2.03...*t)
    """
    if not is_number(scale, 0):
        raise InputError(f"'scale' must be a number >= 0. Got {scale!r}.")
    new = clone(model)
    draw = torch.Generator().manual_seed(int(seed))
    with torch.no_grad():
        for layer in new.layers:
            noise = [scale * torch.randn(p.shape, generator=draw).to(p) for p in (layer.affine, layer.coefficients)]
            layer.affine.add_(layer.affine * noise[0] * layer.free_constants())
            size = layer.coefficients.square().mean(-1, keepdim=True).sqrt()
            layer.coefficients.add_(size * noise[1] * layer.free_splines().unsqueeze(-1))
    return new


def _become_spline(model: KAN, edge: Edge) -> None:
    depth, j, i = edge
    layer = model.layers[depth]
    a, b, c, d = layer.affine[j, i].detach().double().tolist()
    function = functions.get(layer.symbols[j, i])
    count = layer.coefficients.shape[-1]

    def curve(u: Tensor) -> Tensor:
        values = c * function.torch(a * u + b) + d
        if not torch.isfinite(values).all():
            raise InputError(
                f"Edge {edge}, {function.name}, is not finite on all of {float(u.min()):g} to {float(u.max()):g}, "
                "so no spline can take its place. Leave it out of 'edges'."
            )
        return values.unsqueeze(-1)

    fitted = fit_curves(curve, layer.basis, layer.knots[i].double(), count)[0]
    with torch.no_grad():
        layer.coefficients[j, i] = fitted.to(layer.dtype)
        layer.base_weight[j, i] = 0.0
    layer.name_edge((j, i), None)


def _with_new(sums: int, total: int, new_sums: int, new_total: int) -> list[int]:
    """The old numbers in their new order, -1 for what is new: old sums, new sums, the old rest, the new rest."""
    return [*range(sums), *[-1] * new_sums, *range(sums, total), *[-1] * (new_total - new_sums)]
