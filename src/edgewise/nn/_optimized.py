"""Parameters as an optimizer has them: which of them decay, and others in their place."""

from typing import Any

import torch

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise.nn._grids import Replaced

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
    edges. With a denominator that decays a rational function turns into a polynomial, which explodes far from zero;
    a constant of a formula that decays is a wrong constant. Knots are buffers, which no optimizer changes.

    Parameters without `requires_grad` are left out, shared ones stand once, and an empty group is left out.

    Errors: InputError where nothing trains, and for a decay that is no number >= 0.

    >>> import edgewise as ew
    >>> groups = parameter_groups(ew.nn.RationalLayer(16, 4), weight_decay=0.1)
    >>> [(group["weight_decay"], len(group["params"])) for group in groups]
    [(0.1, 1), (0.0, 3)]
    >>> optimizer = torch.optim.AdamW(groups, lr=1e-3)

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019).
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

    >>> import edgewise as ew
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
