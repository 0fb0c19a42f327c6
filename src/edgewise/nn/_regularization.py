"""The penalty of the KAN paper on edges, as a term of your own loss."""

from collections.abc import Iterable

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._memory import require
from edgewise.nn._layer import KANLayer
from edgewise.nn._reaching import Arguments, kan_layers, run_with


def regularization(
    module: torch.nn.Module, x: Arguments | None = None, *, l1: float = 1.0, entropy: float = 1.0,
    smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return the sparsity penalty of all KAN layers of a module, which a loss adds: loss + 1e-3 * regularization(...).

        sum over layers of  l1 S + entropy H + smoothing R,
        S = sum_e s_e,  H = -sum_e p_e log p_e with p_e = s_e / S,  R = sum_e c_e' R_K c_e

    With x, s_e = mean |phi_e(h)| over the inputs h that reach the layer, as in the paper: the module runs once more on
    x, and each row takes as many numbers as there are edges, so that a part of the rows is enough. Without x, the size
    of the coefficients stands for that of the function: s_e = mean_k |c_ek| + |w_e|, and |c| of a symbolic edge. This
    costs next to nothing, and does not see where the inputs lie. R_K is the roughness of the basis, as in
    `edgewise.fit(smoothing=...)` but without the sensitivity of the output: of B-splines squared second differences.
    Removed edges do not count. What a module does twice with one layer counts as two runs.

    `edgewise.fit(sparsity=...)` weighs edges by what the outputs feel of them, which needs a whole network.

    Shapes: a scalar, differentiable in the parameters. x as in `edgewise.nn.update_grids`.

    Errors: InputError for a module without KAN layers, weights that are no numbers >= 0, and more memory than there is.

    >>> import edgewise as ew
    >>> model = torch.nn.Sequential(ew.nn.KANLayer(2, 3), ew.nn.KANLayer(3, 1))
    >>> regularization(model).shape, bool(regularization(model, torch.rand(50, 2)) > 0)
    (torch.Size([]), True)

    Source: Liu et al., KAN (2024), section 2.5.1; for coefficients, Blealtan's efficient-kan.
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
