"""Which feed-forward blocks a model has, and what would become of each."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError, unknown
from edgewise.nn.blocks._flow import Flow, Link, observed, quiet, run_alone
from edgewise.nn.blocks._site import KINDS, BlockKind, Parts, Site, closes, direct_maps, sites, sizes

_DROPOUTS = (torch.nn.Dropout, torch.nn.Identity)
_TORCHS = (torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer)


@dataclass(frozen=True)
class FeedForward:
    """A feed-forward block of a model: where it is, what it is made of, and what would become of it.

    Parameters
    ----------
    name
        The module that holds the activation.
    first
        The name of the first linear map, width -> hidden.
    second
        The name of the second linear map, hidden -> width.
    width
        The number of inputs and outputs.
    hidden
        The number of hidden units.
    activation
        The attribute that holds the activation.
    function
        The name of the function that the activation computes.
    partner
        The name of the other linear map of a gate; empty without a gate.
    gated
        Whether the block has a gate.
    replacement
        What the activation or the block becomes; empty where the block is left as it is.
    reason
        Why the block is left as it is; empty where it is exchanged.
    checked
        Whether it was seen running; where no run was possible, its structure decided.
    """

    name: str
    first: str
    second: str
    width: int
    hidden: int
    activation: str = ""
    function: str = ""
    partner: str = ""
    gated: bool = False
    replacement: str = ""
    reason: str = ""
    checked: bool = True


@dataclass(frozen=True)
class Found:
    """A record, and what the exchange needs to know besides."""

    record: FeedForward
    site: Site | None = None
    reach: float = 6.0  # of the activation's inputs
    linked: bool = False  # whether it lies between two maps


def find_feed_forwards(
    model: torch.nn.Module, *, kind: BlockKind = "rational", example: Any = None
) -> list[FeedForward]:
    """Return the feed-forward blocks of a model, and what `replace_feed_forwards` would do with each.

    A block is an activation, held by a module as an attribute, that lies between two linear maps w -> h and h -> w, or
    is the gate of such a pair. This is not judged by names: each module runs on random numbers, or the whole model on
    your example, and the numbers that the activation takes and gives are compared with those of the maps. Records
    whose `replacement` is empty are near misses, which are left as they are.

    Parameters
    ----------
    model
        The torch module; it is not changed.
    kind
        What would be exchanged, as in `replace_feed_forwards`.
    example
        An input of the model: a tensor, a tuple of arguments, or a dict of keyword arguments. None judges each block by
        its run on random numbers.

    Raises
    ------
    InputError
        For an unknown kind.

    Examples
    --------
    >>> import torch
    >>> from edgewise.nn import find_feed_forwards
    >>> layer = torch.nn.TransformerEncoderLayer(8, 2, 32)
    >>> [block] = find_feed_forwards(layer)
    >>> block.first, block.function, block.second, block.width, block.hidden, block.replacement
    ('linear1', 'relu', 'linear2', 8, 32, 'a rational function instead of relu')
    """
    return [found.record for found in search(copy.deepcopy(model), kind, example)]


def search(model: torch.nn.Module, kind: BlockKind, example: Any) -> list[Found]:
    """Return the blocks and near misses of a model; it runs, and is afterwards as before."""
    if kind not in KINDS:
        raise unknown("kind of feed-forward block", kind, KINDS)
    places = list(sites(model))
    in_example = _flows_of_example(model, places, example) if example is not None else {}
    found = [_judged(site, kind, in_example.get(id(site))) for site in places]
    linked = {one.record.name for one in found if one.linked}  # what other activations such a module has is its matter
    found = [one for one in found if one.linked or one.record.name not in linked]
    seen = {path for one in found for path in (one.record.first, one.record.second)}
    return found + [Found(record) for record in _without_activation(model) if record.first not in seen]


def _flows_of_example(model: torch.nn.Module, places: list[Site], example: Any) -> dict[int, Flow]:
    with quiet(model), observed(places) as flows:
        if isinstance(example, Mapping):
            model(**example)
        elif isinstance(example, tuple | list):
            model(*example)
        elif isinstance(example, Tensor):
            model(example)
        else:
            raise InputError(
                "The 'example' parameter must be an input of the model: a tensor, a tuple of arguments or a dict of "
                f"keyword arguments. Got {type(example).__name__}."
            )
    return {id(flow.site): flow for flow in flows if flow.calls}


def _judged(site: Site, kind: BlockKind, flow: Flow | None) -> Found:
    """The record of one site, by what flowed through it."""
    alone = run_alone(site) if flow is None or kind == "spline" else None
    seen = flow or alone
    link = seen.link if seen else _by_structure(site)
    reason = "" if link else seen.problem if seen else "it could not run on random numbers: give an 'example'"
    linked, link = link is not None, link or _nearest(site)
    first, second = ({**site.firsts, **site.seconds}[path] for path in (link.first, link.second))
    function = site.activation.label
    if not reason and kind == "spline":
        reason = _no_spline(site, link, alone)
    replacement = f"a rational function instead of {function}"
    if kind == "spline":
        replacement = f"KANFeedForward({sizes(first).inputs} -> {sizes(second).inputs} -> {sizes(first).inputs})"
    record = FeedForward(
        site.name, link.first, link.second, sizes(first).inputs, sizes(second).inputs, site.activation.attribute,
        function, link.partner, bool(link.partner), "" if reason else replacement, reason, seen is not None,
    )  # fmt: skip
    return Found(record, site, _reach(flow, alone), linked)


def _reach(flow: Flow | None, alone: Flow | None) -> float:
    """How far the activation's inputs go: those of the example, or random ones with room for others."""
    least, most = 2.0, 16.0  # of a reach that was measured
    room = 1.5  # for real inputs over random ones
    if flow:
        return min(max(flow.reach, least), most)
    return min(max(room * alone.reach, room * least), most) if alone and alone.reach else Found.reach


def _by_structure(site: Site) -> Link | None:
    """The maps where nothing could run: those that leave no doubt, outside of attention."""
    name = f"{site.name} {type(site.owner).__name__}".lower()
    firsts, second = _ordered(site)
    out = sizes(site.seconds[second])
    if "attn" in name or "attention" in name or out.dim != -1 or out.inputs == out.outputs:
        return None
    if len(firsts) == 1:
        doubled = sizes(site.firsts[firsts[0]]).outputs == 2 * out.inputs
        return Link(firsts[0], second, firsts[0] if doubled else "")
    return Link(firsts[0], second, firsts[1]) if len(firsts) == 2 else None


def _nearest(site: Site) -> Link:
    """The maps to name in a near miss."""
    firsts, second = _ordered(site)
    return Link((firsts or list(site.firsts))[0], second)


def _ordered(site: Site) -> tuple[list[str], str]:
    """The second map, which modules have after those before the activation, and these."""
    *_, second = site.seconds
    before = []
    for path, part in site.firsts.items():
        if path == second:
            break
        if closes(part, site.seconds[second]):
            before.append(path)
    return before, second


def _no_spline(site: Site, link: Link, alone: Flow | None) -> str:
    """Why a block cannot become layers of splines; empty where it can."""
    if sizes(site.firsts[link.first]).dim != -1:
        return "its maps are convolutions"
    if link.partner:
        return "it has a gate"
    if isinstance(site.owner, _TORCHS):
        return ""
    if site.is_split:
        return "its maps are in two modules"
    rest = [part for key, part in site.owner.named_children() if key != site.activation.attribute]
    inside = {id(part) for part in (*site.firsts.values(), *site.seconds.values())}
    if any(not isinstance(part, _DROPOUTS) for part in rest if id(part) not in inside):
        return "its module has other parts besides linear, activation, linear"
    if alone is None or not (alone.exact and link.direct):
        return "its module computes more than linear, activation, linear"
    return ""


def _without_activation(model: torch.nn.Module) -> Iterator[FeedForward]:
    """Near misses: two linear maps w -> h -> w in one module that holds no activation."""
    for name, owner in model.named_modules():
        maps: Parts = direct_maps(owner, name)
        if len(maps) != 2:
            continue
        (first, one), (second, two) = maps.items()
        width, hidden = sizes(one).inputs, sizes(one).outputs
        if width != hidden and (sizes(two).inputs, sizes(two).outputs) == (hidden, width):
            yield FeedForward(
                name, first, second, width, hidden, reason="its module holds no activation as an attribute"
            )
