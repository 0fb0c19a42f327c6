"""What flows through an activation when its module runs: from which linear map, and into which."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgewise.nn.blocks._site import Site, sizes


@dataclass(frozen=True)
class Link:
    """The maps that an activation lies between: second(f(first)), or second(f(first) partner) with a gate.

    The partner is the first map itself where that gives both halves. `direct`: nothing else lies between them.
    """

    first: str
    second: str
    partner: str = ""
    direct: bool = True


@dataclass
class Flow:
    """What was seen of one site in a run."""

    site: Site
    calls: int = 0
    reach: float = 0.0
    exact: bool = False  # whether its module gives what the second map gives of what the first took
    entry: Tensor | None = None  # what the first map took, and what the second gave
    exit: Tensor | None = None
    _links: set[Link] = field(default_factory=set)
    _ends: int = 0
    _doubt: str = ""
    _made: list[tuple[str, Tensor]] = field(default_factory=list)  # by the maps before the activation, "" by it
    _aside: list[tuple[str, Tensor]] = field(default_factory=list)  # what other parts made of these
    _source: tuple[str, bool] = ("", True)

    @property
    def link(self) -> Link | None:
        """The maps, where every call had the same; else None, as `problem` says."""
        return next(iter(self._links)) if not self.problem else None

    @property
    def problem(self) -> str:
        """Why the activation is not that of a feed-forward block; empty where it is."""
        if not self.calls:
            return "the activation was not called"
        if self._ends == self.calls and len(self._links) == 1:
            return ""
        several = "the activation is used in several ways"
        return self._doubt or (several if self._ends else "what the activation gives does not reach a second map")

    def called(self, x: Tensor) -> Tensor:
        """Call the activation, and note where its input comes from."""
        self.calls += 1
        self.reach = max(self.reach, _range(x))
        origin = self._origin(x, but="")
        if origin is None:
            self._doubt = "the activation does not act on what a linear map w -> h gives"
            return self.site.activation.function(x)
        self._source = origin
        value = self.site.activation.function(x.clone())
        self._made = [(key, made) for key, made in self._made if key] + [("", value.detach())]
        return value

    def part(self, path: str, args: tuple[Any, ...], output: Any) -> None:
        """Note what a map, or what else is in the module, has made."""
        x = next((arg for arg in args if isinstance(arg, Tensor)), None)
        if not isinstance(output, Tensor) or x is None:
            return
        if path in self.site.seconds:
            self.exit = output.detach()
        if path in self.site.firsts:
            self.entry = x.detach() if path not in self.site.seconds or self.entry is None else self.entry
            self._made = [(key, made) for key, made in self._made if key != path] + [(path, output.detach())]
            self._aside = [(key, made) for key, made in self._aside if key != path]
        elif path in self.site.others and output.numel() == x.numel():
            origin = self._origin(x)
            if origin is not None:
                self._aside.append((origin[0], output.detach()))

    def ends(self, path: str, x: Tensor) -> None:
        """Note what the second map takes: the activation's output, or its product with another map's."""
        value = next((made for key, made in self._made if not key), None)
        if value is None:
            return
        aside = [made for key, made in self._aside if not key]
        first, direct = self._source
        if _same(x, value) or any(_same(x, made) for made in aside):
            self._end(Link(first, path, "", direct and _same(x, value)))
            return
        for key, made in [pair for pair in self._made if pair[0]]:
            for factor in _halves(made, value):
                if _same(x, value * factor):
                    self._end(Link(first, path, key, direct))
                    return
        if _same_size(x, value):
            self._doubt = "what the second map takes is not the activation's output, nor its product with a map's"

    def _end(self, link: Link) -> None:
        self._links.add(link)
        self._ends += 1
        self._made = [(key, made) for key, made in self._made if key]
        self._aside = []

    def _origin(self, x: Tensor, but: str | None = None) -> tuple[str, bool] | None:
        """Which map's output a tensor is, or what other parts have made of it; whether nothing lies between."""
        for known, direct in ((self._made, True), (self._aside, False)):
            for key, made in reversed(known):
                if key != but and (_same(x, made) or (key and any(_same(x, half) for half in _halves(made, x)))):
                    return key, direct
        return None


@contextmanager
def observed(places: list[Site]) -> Iterator[list[Flow]]:
    """Note what flows through sites while their model runs, in evaluation mode; afterwards all is as it was."""
    flows = [Flow(site) for site in places]
    with ExitStack() as stack:
        for flow in flows:
            _attach(flow, stack)
        yield flows


@contextmanager
def quiet(model: torch.nn.Module) -> Iterator[None]:
    """Run a model in evaluation mode, without warnings; its modes, buffers and the random numbers come back."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            model.eval()
            yield
        finally:
            for module, training in modes:
                module.training = training
            for buffer, value in buffers:
                buffer.copy_(value)


def run_alone(site: Site) -> Flow | None:
    """Return what flows when the site's module runs on random numbers of the usual shapes; None if it takes none."""
    width = sizes(next(iter(site.firsts.values()))).inputs
    like = next((part for part in site.scope.parameters() if part.is_floating_point()), None)
    if like is None or like.is_meta:
        return None
    generator = torch.Generator().manual_seed(0)
    for shape in ((2, 7, width), (7, width), (2, width, 7, 7), (2, 7, 7, width), (2, width, 7)):
        x = torch.randn(shape, generator=generator).to(like)
        for arguments in ((x,), (x, x)):
            with quiet(site.scope), observed([site]) as (flow,):
                output = _attempt(site.scope, arguments)
            if output is not None and (flow.calls or flow.exit is not None):
                flow.exact = _same(flow.entry, x) and _same(flow.exit, output)
                return flow
    return None


def _attempt(module: torch.nn.Module, arguments: tuple[Tensor, ...]) -> Any:
    try:
        return module(*(argument.clone() for argument in arguments))
    except Exception:  # noqa: BLE001 (a module of others, on inputs that it may not take)
        return None


def _attach(flow: Flow, stack: ExitStack) -> None:
    """Hooks on the maps and on what else is in the module; the activation itself is exchanged for the time."""
    site = flow.site
    for path, part in {**site.others, **site.firsts, **site.seconds}.items():

        def before(_: Any, args: tuple[Any, ...], path: str = path) -> None:
            if args and isinstance(args[0], Tensor):
                flow.ends(path, args[0])

        def after(_: Any, args: tuple[Any, ...], output: Any, path: str = path) -> None:
            flow.part(path, args, output)

        if path in site.seconds:
            stack.callback(part.register_forward_pre_hook(before).remove)
        stack.callback(part.register_forward_hook(after).remove)
    stack.callback(_exchanged(site.owner, site.activation.attribute, flow.called))


def _exchanged(owner: torch.nn.Module, name: str, called: Callable[[Tensor], Tensor]) -> Callable[[], None]:
    """Put a function where a module holds its activation; return what puts the activation back."""
    held: dict[str, Any] = owner._modules if name in owner._modules else vars(owner)
    before = held[name]
    held[name] = _Called(called) if name in owner._modules else called

    def back() -> None:
        held[name] = before

    return back


class _Called(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def _range(x: Tensor) -> float:
    """How far from zero 99.9 % of the numbers are, of many by some 100,000 of them."""
    sizes = x.detach().abs().flatten().float()
    sizes = sizes[:: max(1, len(sizes) // 100_000)]
    sizes = sizes[sizes.isfinite()]
    return float(torch.quantile(sizes, 0.999)) if len(sizes) else 0.0


def _halves(made: Tensor, like: Tensor) -> list[Tensor]:
    """A map's output, or both halves of it where it gives twice the channels."""
    if made.numel() == 2 * like.numel():
        return list(made.chunk(2, dim=-1))
    return [made]


def _same_size(one: Tensor, two: Tensor) -> bool:
    return one.numel() == two.numel() > 0


def _same(one: Tensor | None, two: Any) -> bool:
    """Whether two tensors hold the same numbers, but for rounding, in any shape."""
    if not isinstance(one, Tensor) or not isinstance(two, Tensor) or not _same_size(one, two):
        return False
    a, b = one.detach().flatten().double(), two.detach().flatten().double()
    rounding = max(torch.finfo(t.dtype).eps for t in (one, two) if t.is_floating_point())
    return bool((a - b).norm() <= 100 * rounding * b.norm()) and bool(b.any())
