"""The exchange of a model's convolutions for convolutions of functions."""

import copy
import logging
from collections.abc import Callable, Collection, Iterator
from typing import Any, Literal, get_args

import torch

from edgewise._errors import InputError, unknown
from edgewise.nn.conv._layers import (
    KANConv,
    KANConv1d,
    KANConv2d,
    KANConv3d,
    RationalConv,
    RationalConv1d,
    RationalConv2d,
    RationalConv3d,
)

ConvKind = Literal["rational", "spline"]
"""What stands in place of a convolution: `RationalConv2d` or `KANConv2d`, or as many dimensions as it has."""
Which = Collection[str] | Callable[[str, torch.nn.Module], bool]

_NEW: dict[type, dict[str, type[KANConv] | type[RationalConv]]] = {
    torch.nn.Conv1d: {"rational": RationalConv1d, "spline": KANConv1d},
    torch.nn.Conv2d: {"rational": RationalConv2d, "spline": KANConv2d},
    torch.nn.Conv3d: {"rational": RationalConv3d, "spline": KANConv3d},
}
_log = logging.getLogger("edgewise.nn")


def replace_convs(
    model: torch.nn.Module, *, kind: ConvKind = "rational", which: Which | None = None, **settings: Any
) -> torch.nn.Module:
    """Return a copy of a model with its convolutions exchanged for convolutions of functions.

        "rational"  w R(x) for w x, R the identity at first: the same outputs, to rounding, until it is trained
        "spline"    phi(x) for w x: with the base function "identity", which is the default here, w becomes the base
                    weight and the splines are zero at first, so that outputs are the same; with another it starts
                    from scratch

    Exchanged are modules of the classes `torch.nn.Conv1d`, `Conv2d` and `Conv3d` without hooks, not of subclasses,
    whose forward pass may be another. Biases, devices, dtypes and what is frozen stay; a convolution that stands in
    several places stays one. The logger "edgewise.nn" reports each exchange at level INFO.

    Parameters
    ----------
    model
        The torch module; it is not changed.
    kind
        What takes the place of a convolution: "rational" or "spline".
    which
        The names of the convolutions to exchange, as `model.named_modules()` has them, or a function of name and module
        that is true for them; all by default.
    **settings
        Further arguments of `RationalConv2d` or `KANConv2d`.

    Raises
    ------
    InputError
        For an unknown kind, names that are no convolutions of the model, and where there is nothing to exchange.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import replace_convs
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3))
    >>> [type(part).__name__ for part in replace_convs(model, which=["2"])]
    ['Conv2d', 'ReLU', 'RationalConv2d']
    """
    if kind not in get_args(ConvKind):
        raise unknown("kind of convolution", kind, get_args(ConvKind))
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"replace_convs takes a torch module. Got {type(model).__name__}.")
    whole = torch.nn.ModuleDict({"model": copy.deepcopy(model)})
    places = [(parent, key, name) for parent, key, name in _places(whole["model"], whole, "model", "")]
    chosen = _chosen(places, which)
    done: dict[int, torch.nn.Module] = {}
    for parent, key, name in chosen:
        old = parent._modules[key]
        assert old is not None
        if id(old) not in done:
            done[id(old)] = _exchanged(old, kind, settings)
            _log.info("%s: %s", name or "the model itself", _said(old, done[id(old)]))
        setattr(parent, key, done[id(old)])
    if not done:
        found = "is left by 'which'" if places else f"was found in {type(model).__name__}"
        raise InputError(f"No torch.nn.Conv1d, Conv2d or Conv3d {found}. Put KANConv2d where yours is.")
    return whole["model"]


Place = tuple[torch.nn.Module, str, str]  # a parent, the key of its convolution, the name of that in the model


def _places(module: torch.nn.Module, parent: torch.nn.Module, key: str, name: str) -> Iterator[Place]:
    if type(module) in _NEW and _is_plain(module, name):
        yield parent, key, name
    for own, child in module._modules.items():
        if child is not None:
            yield from _places(child, module, own, f"{name}.{own}" if name else own)


def _is_plain(conv: torch.nn.Module, name: str) -> bool:
    """Whether a convolution computes what its weight and bias say: no hooks, and no weights made of others."""
    hooks = conv._forward_hooks or conv._forward_pre_hooks
    if not hooks and {own for own, _ in conv.named_parameters()} <= {"weight", "bias"}:
        return True
    _log.info("%s: %s stays, because it has hooks or weights that are computed from others", name, conv)
    return False


def _chosen(places: list[Place], which: Which | None) -> list[Place]:
    if which is None:
        return places
    if callable(which):
        return [place for place in places if which(place[2], place[0]._modules[place[1]])]  # type: ignore[arg-type]
    if isinstance(which, str):
        raise InputError(f"'which' must be a list of names, or a function of name and module. Got {which!r}.")
    known = [name for *_, name in places]
    for name in which:
        if name not in known:
            raise unknown("convolution", name, known)
    return [place for place in places if place[2] in which]


def _exchanged(old: Any, kind: ConvKind, settings: dict[str, Any]) -> torch.nn.Module:
    """The convolution in place of one, with its weights where the function can be the identity at first."""
    start = {"init": "identity"} if kind == "rational" else {"base": "identity"}
    new: Any = _NEW[type(old)][kind](
        old.in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, old.dilation, old.groups,
        old.bias is not None, old.padding_mode, old.weight.device, old.weight.dtype, **{**start, **settings},
    )  # fmt: skip
    with torch.no_grad():
        if _keeps_weights(new):
            weight = new.weight if kind == "rational" else new.base_weight
            weight.copy_(old.weight)
            weight.requires_grad_(old.weight.requires_grad)
            if kind == "spline":
                new.coefficients.zero_()
            if old.bias is not None:
                new.bias.copy_(old.bias)
    if old.bias is not None:
        new.bias.requires_grad_(old.bias.requires_grad)
    return new.train(old.training)  # type: ignore[no-any-return]


def _keeps_weights(new: Any) -> bool:
    return (new.activation.init if hasattr(new, "activation") else new.base) == "identity"


def _said(old: torch.nn.Module, new: torch.nn.Module) -> str:
    """What was exchanged for what, in a line."""
    before, after = (sum(p.numel() for p in module.parameters()) for module in (old, new))
    start = "keeps the weights" if _keeps_weights(new) else "starts from scratch"
    return f"{old} -> {type(new).__name__}, {before} -> {after} parameters, {start}"
