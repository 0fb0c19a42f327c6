"""The KAN layers in any module, for a training loop of your own.

What reaches them in one run, their grids, the penalty of the KAN paper, and their parameters as an optimizer has them.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._memory import require
from edgewise.nn._grids import Replaced
from edgewise.nn._layer import KANLayer

Arguments = Tensor | tuple[Any, ...] | Mapping[str, Any]
"""What a module is called with: one tensor, or its arguments as a tuple or by name."""


def kan_layers(module: torch.nn.Module) -> dict[str, KANLayer]:
    """Return the KAN layers of a module by their names in it, each once.

    Errors: InputError where there is none, and for what is no module.

    >>> list(kan_layers(torch.nn.Sequential(torch.nn.Linear(3, 2), KANLayer(2, 1))))
    ['1']
    """
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"'module' must be a torch module. Got {type(module).__name__}.")
    found = {name: part for name, part in module.named_modules() if isinstance(part, KANLayer)}
    if not found:
        raise InputError(f"There is no KANLayer in {type(module).__name__}.")
    return found


def run_with(module: torch.nn.Module, x: Arguments, see: Callable[[str, Tensor], None]) -> None:
    """Run a module on x and show `see` each layer's name and inputs (..., n_in) as they reach it.

    Modules that are compiled run eagerly meanwhile, because compiled code does not call new hooks.
    """
    with ExitStack() as stack:
        stack.enter_context(_uncompiled())
        for name, layer in kan_layers(module).items():

            def hook(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str = name) -> None:
                see(name, args[0] if args else kwargs["x"])

            stack.enter_context(_removed(layer.register_forward_pre_hook(hook, with_kwargs=True)))
        if isinstance(x, Mapping):
            module(**x)
        else:
            module(*(x if isinstance(x, tuple) else (x,)))


def inputs_of(module: torch.nn.Module, x: Arguments) -> dict[str, Tensor]:
    """Return the inputs (rows, n_in) of each layer in one run, those of a layer that runs several times together.

    Layers that the run does not reach are left out.

    >>> found = inputs_of(torch.nn.Sequential(KANLayer(3, 2)), torch.zeros(4, 5, 3))
    >>> found["0"].shape
    torch.Size([20, 3])
    """
    found: dict[str, list[Tensor]] = {}
    with torch.no_grad():
        run_with(module, x, lambda name, h: found.setdefault(name, []).append(h.detach().reshape(-1, h.shape[-1])))
    return {name: torch.cat(parts) for name, parts in found.items()}


@contextmanager
def _removed(handle: Any) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _uncompiled() -> Iterator[None]:
    if "torch._dynamo" not in sys.modules:  # nothing has been compiled, and importing it takes a second
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def update_grids(
    module: torch.nn.Module, x: Arguments, grid: int | None = None, *, tails: float = 0.01, margin: float = 0.05,
    quantiles: float = 0.0,
) -> Replaced:  # fmt: skip
    """Move the knots of every KAN layer of a module to where its inputs lie, in place: `KANLayer.update_grid`.

    The module runs once on x, in the mode it is in, to see what reaches each layer; layers that are not reached stay as
    they are. On several processes give all of them the same x, or their layers will differ.

    Parameters
    ----------
    module
        The torch module, whose layers are changed.
    x
        The inputs: one tensor, or the module's arguments as a tuple, or as a mapping of names.
    grid
        How fine the functions become, as in `KANLayer.update_grid`; None keeps the grids.
    tails
        The fraction of the rows at each end that the knots do not have to span.
    margin
        The fraction of the range by which the knots are widened at each end.
    quantiles
        The weight of the quantiles, in [0, 0.95]: see `KANLayer.update_grid`.

    Returns
    -------
    dict
        The new parameter of each that was replaced, which only another `grid` does.

    Raises
    ------
    InputError
        For a module without KAN layers, and what `KANLayer.update_grid` does not take.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import coverage, update_grids
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 8), ew.nn.KANLayer(8, 1))
    >>> update_grids(model, 10 * torch.rand(100, 3))
    {}
    >>> bool(coverage(model, 10 * torch.rand(100, 3))["1"].outside.max() < 0.1)
    True
    """
    settings = {"tails": tails, "margin": margin, "quantiles": quantiles}
    return _changed(module, x, lambda layer, h: layer.update_grid(h, grid, **settings))


def widen_grids(module: torch.nn.Module, x: Arguments, *, margin: float = 0.05) -> Replaced:
    """Stretch the ranges that inputs leave in every KAN layer of a module, in place: `KANLayer.widen_grid`.

    The module runs once on x, as in `edgewise.nn.update_grids`.

    Parameters
    ----------
    module
        The torch module, whose layers are changed.
    x
        The inputs: one tensor, or the module's arguments as a tuple, or as a mapping of names.
    margin
        The fraction of the inputs' range by which a stretched range reaches beyond them.

    Returns
    -------
    dict
        Empty: no parameter is replaced.

    Raises
    ------
    InputError
        For a module without KAN layers, and what `KANLayer.widen_grid` does not take.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import widen_grids
    >>> widen_grids(torch.nn.Sequential(ew.nn.KANLayer(3, 1)), 10 * torch.rand(100, 3))
    {}
    """
    return _changed(module, x, lambda layer, h: layer.widen_grid(h, margin=margin))


def refine_grids(module: torch.nn.Module, factor: int = 2) -> Replaced:
    """Make every KAN layer of a module `factor` times as fine, in place: `KANLayer.refine_grid`.

    The functions stay the same to rounding.

    Parameters
    ----------
    module
        The torch module, whose layers are changed.
    factor
        How many cells each cell becomes.

    Returns
    -------
    dict
        The new parameter of each that was replaced.

    Raises
    ------
    InputError
        For a module without KAN layers, and for a factor that is no int >= 1.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import refine_grids
    >>> model = torch.nn.Sequential(ew.nn.KANLayer(3, 4), ew.nn.KANLayer(4, 1))
    >>> optimizer = torch.optim.AdamW(ew.nn.parameter_groups(model))
    >>> ew.nn.replace_parameters(optimizer, refine_grids(model, 2))
    >>> [layer.grid for layer in model]
    [10, 10]
    """
    replaced: Replaced = {}
    for layer in kan_layers(module).values():
        replaced |= layer.refine_grid(factor)
    return replaced


@dataclass(frozen=True)
class Coverage:
    """How far the inputs of a layer leave its grid.

    Parameters
    ----------
    outside : (n_in,)
        The fraction of the rows outside the range of each input, or not finite.
    beyond : (n_in,)
        How far the farthest row lies outside, in widths of the range: 0 where none is, inf where one is not finite.
    """

    outside: Tensor
    beyond: Tensor


def coverage(module: torch.nn.Module, x: Arguments) -> dict[str, Coverage]:
    """Return for each KAN layer, by its name in the module, how far its inputs leave the grid.

    Outside its grid a function is a straight line, so that little is learned there, and a forward pass does not warn.
    Where `outside` is more than a few percent, or `beyond` more than about one, use `edgewise.nn.update_grids` or
    `widen_grids`. The module runs once on x, as there, and nothing is changed. Layers that are not reached are left
    out.

    Parameters
    ----------
    module
        The torch module.
    x
        The inputs: one tensor, or the module's arguments as a tuple, or as a mapping of names.

    Raises
    ------
    InputError
        For a module without KAN layers.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import coverage
    >>> found = coverage(ew.nn.KANLayer(2, 1), torch.tensor([[0.0, 0.0], [0.5, 5.0]]))[""]
    >>> found.outside.tolist(), found.beyond.tolist()
    ([0.0, 0.5], [0.0, 2.0])
    """
    layers = kan_layers(module)
    return {name: _covered(layers[name], h) for name, h in inputs_of(module, x).items() if len(h)}


def _covered(layer: KANLayer, h: Tensor) -> Coverage:
    lo, hi = (end.to(torch.promote_types(layer.dtype, torch.float32)) for end in layer.basis.ends(layer.knots))
    h = h.to(lo)
    distance = torch.maximum(lo - h, h - hi).clamp_min(0) / (hi - lo)
    distance = torch.where(h.isfinite(), distance, torch.inf)
    return Coverage((distance > 0).to(lo).mean(0), distance.amax(0))


def _changed(module: torch.nn.Module, x: Arguments, change: Callable[[KANLayer, Tensor], Replaced]) -> Replaced:
    layers, replaced = kan_layers(module), {}
    for name, h in inputs_of(module, x).items():
        replaced |= change(layers[name], h)
    return replaced


def regularization(
    module: torch.nn.Module, x: Arguments | None = None, *, l1: float = 1.0, entropy: float = 1.0,
    smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return the sparsity penalty of all KAN layers of a module, which a loss adds: loss + 1e-3 * regularization(...).

        sum over layers of  l1 S + entropy H + smoothing R,
        S = sum_e s_e,  H = -sum_e p_e log p_e with p_e = s_e / S,  R = sum_e c_e' R_K c_e

    With x, s_e = mean |phi_e(h)| over the inputs h that reach the layer, as in the paper: the module runs once more on
    x. Without x, the size of the coefficients stands for that of the function: s_e = mean_k |c_ek| + |w_e|, and |c| of
    a symbolic edge. This costs next to nothing, and does not see where the inputs lie. R_K is the roughness of the
    basis, as in `edgewise.fit(smoothing=...)` but without the sensitivity of the output: of B-splines squared second
    differences. Removed edges do not count. What a module does twice with one layer counts as two runs.

    `edgewise.fit(sparsity=...)` weighs edges by what the outputs feel of them, which needs a whole network.

    Parameters
    ----------
    module
        The torch module.
    x
        The inputs: one tensor, or the module's arguments as a tuple, or as a mapping of names. Each row takes as many
        numbers as there are edges, so that a part of the rows is enough. None for the penalty of the coefficients.
    l1
        The weight of the sum S.
    entropy
        The weight of the entropy H.
    smoothing
        The weight of the roughness R.

    Returns
    -------
    Tensor
        A scalar, differentiable in the parameters.

    Raises
    ------
    InputError
        For a module without KAN layers, weights that are no numbers >= 0, and more memory than there is.

    References
    ----------
    Liu et al., KAN (2024), section 2.5.1; for coefficients, Blealtan's efficient-kan.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import regularization
    >>> model = torch.nn.Sequential(ew.nn.KANLayer(2, 3), ew.nn.KANLayer(3, 1))
    >>> regularization(model).shape, bool(regularization(model, torch.rand(50, 2)) > 0)
    (torch.Size([]), True)
    """
    for name, weight in (("l1", l1), ("entropy", entropy), ("smoothing", smoothing)):
        if not is_number(weight, 0, 1e12):
            raise InputError(f"'{name}' must be a number >= 0. Got {weight!r}.")
    layers = kan_layers(module)
    sizes = [_coefficient_sizes(layer) for layer in layers.values()] if x is None else []
    if x is not None:
        run_with(module, x, lambda name, h: sizes.append(_mean_sizes(layers[name], h)))
    total = sum((_sparsity(s, l1, entropy) for s in sizes), start=torch.zeros(()))
    return total + smoothing * _roughness(layers.values()) if smoothing else total


def _sparsity(s: Tensor, l1: float, entropy: float) -> Tensor:
    total, limits = s.sum(), torch.finfo(s.dtype)
    p = s / total.clamp_min(limits.eps)  # so that gradients stay finite where nothing is left
    return l1 * total - entropy * (p * p.clamp_min(limits.tiny).log()).sum()


def _mean_sizes(layer: KANLayer, h: Tensor) -> Tensor:
    """mean |phi_e| over rows, (n_out, n_in)."""
    rows = h.reshape(-1, layer.n_in)
    if len(rows) == 0:
        raise InputError("x must have at least one row.")
    what = f"The penalty of {layer.n_out * layer.n_in} edges on {len(rows)} rows"
    require(2 * rows.element_size() * len(rows) * layer.n_out * layer.n_in, what, "Give it a part of the rows.")
    return layer.edges(rows).abs().mean(0)


def _coefficient_sizes(layer: KANLayer) -> Tensor:
    """How large the numbers of each edge are, (n_out, n_in)."""
    splines = layer.spline_mask()
    size = layer.coefficients.abs().mean(-1)
    size = size if layer.base is None else size + layer.base_weight.abs()
    if not layer.symbols:
        return size * splines
    return torch.where(splines, size, layer.affine[..., 2].abs()) * layer.mask


def _roughness(layers: Iterable[KANLayer]) -> Tensor:
    total = torch.zeros(())
    for layer in layers:
        c = layer.coefficients * layer.spline_mask().unsqueeze(-1)
        form = layer.basis.roughness(c.shape[-1]).to(c)
        total = total + (c * (c @ form)).sum()
    return total


_NEVER = ("numerator", "denominator", "affine")
_NORMS = (
    torch.nn.LayerNorm,
    torch.nn.GroupNorm,
    torch.nn.RMSNorm,
    torch.nn.modules.batchnorm._NormBase,
)


def parameter_groups(module: torch.nn.Module, weight_decay: float = 0.01) -> list[dict[str, Any]]:
    """Return the parameters of a module in two groups for AdamW: those that decay, and those that do not.

    Weights decay: parameters of at least two dimensions, so linear maps, convolutions, embeddings, and the coefficients
    and base weights of KAN layers. These do not: parameters of one dimension or none (biases, scales), everything in
    torch's normalization layers, the numerators and denominators of rational functions, and the constants of symbolic
    edges. With a denominator that decays a rational function turns into a polynomial, which explodes far from zero; a
    constant of a formula that decays is a wrong constant. Knots are buffers, which no optimizer changes.

    Parameters without `requires_grad` are left out, shared ones stand once, and an empty group is left out.

    Parameters
    ----------
    module
        The torch module.
    weight_decay
        The decay of the first group, as AdamW takes it.

    Raises
    ------
    InputError
        Where nothing trains, and for a decay that is no number >= 0.

    References
    ----------
    Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019).

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import parameter_groups
    >>> groups = parameter_groups(ew.nn.RationalLayer(16, 4), weight_decay=0.1)
    >>> [(group["weight_decay"], len(group["params"])) for group in groups]
    [(0.1, 1), (0.0, 3)]
    >>> optimizer = torch.optim.AdamW(groups, lr=1e-3)
    """
    if not is_number(weight_decay, 0, 1e6):
        raise InputError(f"'weight_decay' must be a number >= 0. Got {weight_decay!r}.")
    decayed: dict[torch.nn.Parameter, None] = {}  # in the order of the module, each once
    kept: dict[torch.nn.Parameter, None] = {}
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            if parameter.requires_grad:
                free = parameter.dim() < 2 or name in _NEVER or isinstance(part, _NORMS)
                (kept if free else decayed)[parameter] = None
    for parameter in kept:
        decayed.pop(parameter, None)  # shared by a place that must not decay
    groups = [
        {"params": list(parameters), "weight_decay": decay}
        for parameters, decay in ((decayed, float(weight_decay)), (kept, 0.0))
        if parameters
    ]
    if not groups:
        raise InputError(f"{type(module).__name__} has no parameters that train.")
    return groups


def replace_parameters(optimizer: torch.optim.Optimizer, replaced: Replaced) -> None:
    """Put new parameters into an optimizer in place of old ones, in the same groups.

    What the optimizer had kept of an old parameter, such as averages of its gradients, has another size and is
    dropped: it starts again for these, and goes on for all others. Learning rates and schedulers stay.

    Parameters
    ----------
    optimizer
        The optimizer, which is changed.
    replaced
        The new parameter of each old one, as `refine_grids` and `update_grids` return it.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.nn import replace_parameters
    >>> layer = ew.nn.KANLayer(2, 3)
    >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    >>> replace_parameters(optimizer, layer.refine_grid(2))
    >>> optimizer.param_groups[0]["params"][0].shape
    torch.Size([3, 2, 13])
    """
    for group in optimizer.param_groups:
        group["params"] = [replaced.get(parameter, parameter) for parameter in group["params"]]
    for old in replaced:
        optimizer.state.pop(old, None)
