"""The feed-forward block of a transformer as a KAN, and the exchange of a model's own blocks for learned functions."""

import copy
import logging
from functools import partial
from typing import Any

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError, unknown
from edgewise.kernels import forced, rational
from edgewise.nn._layer import KANLayer
from edgewise.nn._rational import Rational, RationalLayer, check_degrees, groups_for
from edgewise.nn.bases import rational_start
from edgewise.nn.blocks._find import FeedForward, Found, search
from edgewise.nn.blocks._site import KINDS, BlockKind, Function, sizes


class KANFeedForward(torch.nn.Module):
    """Two KAN layers, width -> hidden -> width: drop-in for a transformer's MLP.

        "rational"  W_2 R_2(W_1 R_1(x) + c_1) + c_2: a rational function for each group of inputs before each linear
                    map; at first R_1 is the identity and R_2 SiLU, so that it starts as an MLP
        "spline"    a spline on every edge, without a base function, bent between -1 and 1 and straight beyond; at
                    first it hands the size of its inputs on (`init="variance"`)

    Shapes: x (..., width) -> (..., width).

    Parameters
    ----------
    width
        The number of inputs and outputs.
    hidden
        The number of hidden units; by default, as many as give the parameters of an MLP with four times as many hidden
        units as inputs.
    kind
        "rational" or "spline".
    groups
        The number of groups of the rational functions, which divides width and hidden; by default 8, or the largest
        number that divides 8 and the inputs of a layer.
    grid
        The number of cells of the splines. They are coarse by default, which leaves room for more units.
    degree
        The degree of the splines.
    dropout
        The probability of dropout after the second layer.
    generator
        The generator of the random numbers; torch's global one by default.

    Raises
    ------
    InputError
        For an unknown kind, sizes below 1, groups that do not divide width and hidden.

    References
    ----------
    Yang and Wang, Kolmogorov-Arnold Transformer (2024), for the rational kind.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import KANFeedForward
    >>> block = KANFeedForward(16, generator=torch.Generator().manual_seed(0))
    >>> block(torch.zeros(2, 5, 16)).shape, block.hidden
    (torch.Size([2, 5, 16]), 64)
    """

    def __init__(
        self, width: int, hidden: int | None = None, *, kind: BlockKind = "rational", groups: int | None = None,
        grid: int = 2, degree: int = 2, dropout: float = 0.0, generator: torch.Generator | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if kind not in KINDS:
            raise unknown("kind of feed-forward block", kind, KINDS)
        if not is_int(width, 1):
            raise InputError(f"The 'width' parameter of KANFeedForward must be an int >= 1. Got {width!r}.")
        width = int(width)
        self.width, self.kind = width, kind
        self.hidden = _hidden(width, kind, grid + degree) if hidden is None else int(hidden)
        if kind == "rational":
            layer: Any = partial(RationalLayer, groups=groups)
            starts = "identity", "silu"
        else:
            # Curves bend within about one standard deviation of normalised inputs, where most of them are.
            layer = partial(KANLayer, grid=grid, degree=degree, base=None, domain=(-1.0, 1.0))
            starts = "variance", "variance"
        self.first: torch.nn.Module = layer(width, self.hidden, init=starts[0], generator=generator)
        self.second: torch.nn.Module = layer(self.hidden, width, init=starts[1], generator=generator)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (..., width).

        Parameters
        ----------
        x : (..., width)
            The inputs.
        """
        return self.dropout(self.second(self.first(x)))

    def extra_repr(self) -> str:
        """Return sizes and kind, which `repr` shows."""
        return f"{self.width} -> {self.hidden} -> {self.width}, kind={self.kind!r}"


def _hidden(width: int, kind: str, entries: int) -> int:
    """Hidden units for the parameters of an MLP with four times `width` of them."""
    return 4 * width if kind == "rational" else max(1, round(4 * width / entries))


_log = logging.getLogger("edgewise.nn")
_SETTINGS = {
    "rational": ("groups", "degrees", "both"),
    "spline": ("hidden", "grid", "degree", "dropout", "generator"),
}
_TAIL = 0.01  # weight of what lies beyond the reach of the activation's inputs


def replace_feed_forwards(
    model: torch.nn.Module, *, kind: BlockKind = "rational", example: Any = None, **settings: Any
) -> torch.nn.Module:
    """Return a copy of a model with learned functions in its feed-forward blocks.

        "rational"  the activation of each block becomes a rational function for each group of its inputs, which starts
                    as that activation. All else stays: weights, hidden width, gates, residuals, dropouts, norms. The
                    model computes nearly what it did, and trains on from there
        "spline"    blocks that are exactly linear, activation, linear become a `KANFeedForward` of the same hidden
                    width, from scratch, with the old one's dropout

    `find_feed_forwards` shows before what is found, and how. The logger "edgewise.nn" has one line for each block
    that was exchanged and for each that was left.

    Parameters
    ----------
    model
        The torch module; it is not changed.
    kind
        What is exchanged: "rational" or "spline".
    example
        An input of the model (a tensor, a tuple of arguments, or a dict of keyword arguments): the model runs on it
        once, and each rational function starts most accurate where its inputs are. None judges that by each block's run
        on normal random numbers.
    **settings
        For the rational kind `groups` (8, or what divides the hidden width and 8), `degrees` (7, 6), and `both=True`,
        which also puts a rational function, at first the identity, before the first map where that is a
        `torch.nn.Linear` in at least float32 and has no gate. For the spline kind `hidden`, `grid`, `degree`,
        `dropout`, `generator` of `KANFeedForward`.

    Raises
    ------
    InputError
        Where there is no block to exchange, for unknown settings, groups that do not divide a hidden width.

    References
    ----------
    Yang and Wang, Kolmogorov-Arnold Transformer (2024), for the rational kind and its start from an MLP.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import replace_feed_forwards
    >>> mlp = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.GELU(), torch.nn.Linear(32, 8))
    >>> kan = replace_feed_forwards(mlp)
    >>> kan[1]
    Rational(groups=8, init='GELU', degrees=(7, 6), dim=-1)
    >>> x = torch.randn(100, 8, generator=torch.Generator().manual_seed(0))
    >>> bool((kan(x) - mlp(x)).norm() < 0.01 * mlp(x).norm())
    True
    """
    whole = torch.nn.ModuleDict({"model": copy.deepcopy(model)})
    found = search(whole["model"], kind, example)
    for name in settings:
        if name not in _SETTINGS[kind]:
            raise unknown(f"setting of {kind} feed-forward blocks", name, _SETTINGS[kind])
    exchange = _Rationals(**settings) if kind == "rational" else _Splines(whole, settings)
    reasons = [(one.record, exchange(one) if one.record.replacement else one.record.reason) for one in found]
    left = [(record, reason) for record, reason in reasons if reason]
    for record, reason in left:
        _log.info("%s: left as it is: %s", _title(record), reason)
    if len(left) == len(found):
        raise InputError(_nothing(model, left))
    _leave_fast_paths(whole)
    return whole["model"]


class _Rationals:
    """The exchange of activations for rational functions."""

    def __init__(self, groups: int | None = None, degrees: tuple[int, int] = (7, 6), both: bool = False) -> None:
        check_degrees(degrees, "replace_feed_forwards")
        self.groups, self.degrees, self.both = groups, (int(degrees[0]), int(degrees[1])), both

    def __call__(self, found: Found) -> str:
        """Exchange one; return why not, or nothing."""
        site, record = found.site, found.record
        assert site is not None
        function = site.activation.function
        error = _error(function, self.degrees, found.reach)
        worst = 0.1
        if error > worst:
            return f"a rational function of degrees {self.degrees} follows {record.function} only within {error:.0%}"
        map_of = {**site.firsts, **site.seconds}
        first, second = map_of[record.first], map_of[record.second]
        like = next(second.parameters())
        new = Rational(
            self._divisor(record.hidden, record), function, self.degrees, sizes(second).dim, reach=found.reach,
            tail=_TAIL, device=like.device, dtype=torch.promote_types(like.dtype, torch.float32),
        )  # fmt: skip
        setattr(site.owner, site.activation.attribute, new.train(site.owner.training))
        done = f"{record.replacement}, within {error:.1g} of it up to {found.reach:.2g}"
        if self.both and type(first) is torch.nn.Linear and not record.gated and _is_precise(first.weight):
            setattr(site.owner, record.first.rpartition(".")[2], self._with_identity(first, record))
            done += ", and one before the first map"
        _log.info("%s: %s", _title(record), done)
        return ""

    def _with_identity(self, first: torch.nn.Linear, record: FeedForward) -> RationalLayer:
        """A linear map, its own parameters, with a rational function before it that is the identity."""
        layer: Any = RationalLayer(
            record.width, record.hidden, groups=self._divisor(record.width, record), degrees=self.degrees,
            init="identity", bias=first.bias is not None, device=first.weight.device, dtype=first.weight.dtype,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        layer.linear = first
        return layer.train(first.training)  # type: ignore[no-any-return]

    def _divisor(self, channels: int, record: FeedForward) -> int:
        if self.groups is None:
            return groups_for(channels)
        if not is_int(self.groups, 1) or channels % self.groups:
            raise InputError(
                f"The 'groups' parameter must be an int >= 1 that divides {channels}, the channels of "
                f"{_title(record)!r}. Got {self.groups!r}."
            )
        return int(self.groups)


class _Splines:
    """The exchange of whole blocks for layers of splines."""

    def __init__(self, whole: torch.nn.Module, settings: dict[str, Any]) -> None:
        self.whole, self.settings = whole, settings

    def __call__(self, found: Found) -> str:
        site, record = found.site, found.record
        assert site is not None
        old: Any = site.owner
        first = site.firsts[record.first]
        inside = isinstance(site.owner, torch.nn.TransformerEncoderLayer | torch.nn.TransformerDecoderLayer)
        dropped = max((part.p for part in old.children() if isinstance(part, torch.nn.Dropout)), default=0.0)
        settings = {"hidden": record.hidden, "dropout": 0.0 if inside else dropped, **self.settings}
        block = KANFeedForward(record.width, kind="spline", **settings)
        like = next(first.parameters())
        block = block.to(device=like.device, dtype=like.dtype).train(old.training)
        before = sum(p.numel() for part in (first, site.seconds[record.second]) for p in part.parameters())
        after = sum(p.numel() for p in block.parameters())
        made = f"KANFeedForward({block.extra_repr()})"
        _log.info("%s: %s, parameters %d -> %d", _title(record), made, before, after)
        if inside:  # the layer's own dropout comes after
            old.linear1, old.activation, old.linear2 = torch.nn.Identity(), block, torch.nn.Identity()
            old.train(old.training)
            return ""
        for parent in list(self.whole.modules()):
            for key, part in parent._modules.items():
                if part is old:
                    setattr(parent, key, block)
        return ""


def _leave_fast_paths(whole: torch.nn.Module) -> None:
    """Turn off the fast paths of torch's transformers, which compute ReLU or GELU whatever a layer holds."""
    for module in whole.modules():
        if isinstance(module, torch.nn.TransformerEncoderLayer) and isinstance(
            module.activation, Rational | KANFeedForward
        ):
            module.activation_relu_or_gelu = 0
        if isinstance(module, torch.nn.TransformerEncoder):
            layers: list[Any] = list(module.layers)
            if any(isinstance(getattr(layer, "activation", None), Rational | KANFeedForward) for layer in layers):
                module.use_nested_tensor = False


def _error(function: Function, degrees: tuple[int, int], reach: float) -> float:
    """Size of the difference between a rational function and its activation within reach, over the activation's."""
    with torch.no_grad(), torch.device("cpu"), forced(backend="reference"):  # nothing worth compiling for
        a, b = rational_start(function, degrees, reach, _TAIL)
        x = torch.linspace(-reach, reach, 1001, dtype=torch.float64)
        expected = function(x.clone())
        found = rational(x.unsqueeze(1), a.unsqueeze(0), b.unsqueeze(0))[:, 0]
        return float((found - expected).norm() / expected.norm())


def _is_precise(weight: Tensor) -> bool:
    return weight.dtype in (torch.float32, torch.float64)


def _title(record: FeedForward) -> str:
    return record.name or "the model"


def _nothing(model: torch.nn.Module, left: list[tuple[FeedForward, str]]) -> str:
    looked = (
        f"No feed-forward block to exchange was found in {type(model).__name__}: an activation, held as an attribute, "
        "between two linear maps w -> h and h -> w in one module, or in two that follow each other."
    )
    if not left:
        return f"{looked} Put KANFeedForward or Rational where yours is."
    (record, reason), *_ = left
    return f"{looked} The nearest is {_title(record)!r}: {reason}."
