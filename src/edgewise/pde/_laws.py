"""The networks of a problem's unknown functions while it is solved: called at points, differentiated, kept smooth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise._jets import Jets, Order, below
from edgewise.nn import KAN, Layout, adapt_grid, clone
from edgewise.pde._coefficient import Coefficient
from edgewise.pde._jet import Jet
from edgewise.pde._pass import JetPass
from edgewise.pde._problem import Problem

_SMOOTH = 1e-4  # the first factor of the mean squared curvature, over the square of a function's first value
_MOST_CELLS = 48
_SAMPLES = {1: 400, 2: 900}  # places at which the curvature is taken


class Call(NamedTuple):
    """One call of a function: its arguments (n, k), the pass of its network, and the leaves that were answered."""

    name: str
    arguments: Tensor
    made: JetPass
    leaves: dict[Order, Tensor]


class Penalty(NamedTuple):
    """A function's mean squared curvature, half its gradient, and half its Hessian, by its parameters."""

    value: float
    gradient: Tensor
    matrix: Tensor


@dataclass(frozen=True)
class Laws:
    """The networks of unknown functions, by name, and the factors of their mean squared curvature in the loss.

    orders: the derivatives that the equations read. weights: of the measured conditions, in their order, where they are
    not those of the problem.
    """

    stated: Mapping[str, Coefficient]
    models: dict[str, KAN]
    orders: dict[str, list[Order]]
    smoothing: dict[str, float]
    weights: tuple[float, ...] = ()

    @classmethod
    def of(cls, problem: Problem) -> Laws:
        """The functions of a problem as they begin."""
        stated = problem.coefficients
        smoothing = {
            name: _SMOOTH / max(own.start**2, 1e-6) if isinstance(own.smoothing, str) else float(own.smoothing)
            for name, own in stated.items()
        }
        models = {name: own.network() for name, own in stated.items()}
        return cls(stated, models, problem.function_orders if stated else {}, smoothing)

    @classmethod
    def none(cls) -> Laws:
        """No function: all are constant."""
        return cls({}, {}, {}, {})

    def __bool__(self) -> bool:
        return bool(self.models)

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        return {name: Layout(model) for name, model in self.models.items()}

    def copy(self) -> Laws:
        """The same with networks of their own."""
        return replace(self, models={name: clone(model) for name, model in self.models.items()})

    def read(self) -> Tensor:
        """The free parameters of all networks as one vector."""
        parts = [layout.read(self.models[name]) for name, layout in self.layouts.items()]
        return torch.cat([torch.zeros(0, dtype=torch.float64), *parts])

    def write(self, vector: Tensor) -> None:
        """Set them, in place."""
        for name, part in self.places.items():
            self.layouts[name].write(self.models[name], vector[part])

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each network's parameters are in the vector."""
        found, begin = {}, 0
        for name, layout in self.layouts.items():
            found[name] = slice(begin, begin + layout.size)
            begin += layout.size
        return found

    def functions(self, calls: list[Call] | None = None) -> dict[str, Callable[..., Jet]]:
        """The functions as an equation calls them; `calls` collects the calls, to be differentiated."""

        def function(name: str) -> Callable[..., Jet]:
            def call(*arguments: Tensor) -> Jet:
                x = self.stated[name].called(arguments)
                if calls is None:
                    parts = JetPass(self.models[name], x, self.orders[name]).outputs
                    return Jet({order: part[:, 0] for order, part in parts.items()}, self.stated[name].names)
                return self._recorded(name, x, calls)

            return call

        return {name: function(name) for name in self.models}

    def _recorded(self, name: str, x: Tensor, calls: list[Call]) -> Jet:
        """A call whose answer is differentiable by its own leaf tensors, and by what the arguments are made of.

        To first order f(x) is a leaf plus f'(x) (x - x0), and likewise each derivative.
        """
        orders = self.orders[name]
        beyond = below(tuple(sorted((*order, j))) for order in orders for j in range(x.shape[1]))
        with torch.no_grad():
            made = JetPass(self.models[name], x.detach(), beyond)
        known = {order: part[:, 0] for order, part in made.outputs.items()}
        leaves = {order: known[order].clone().requires_grad_() for order in orders}
        parts: dict[Order, Tensor] = dict(leaves)
        if x.requires_grad:
            moved = x - x.detach()
            for order in orders:
                slopes = torch.stack([known[tuple(sorted((*order, j)))] for j in range(x.shape[1])], 1)
                parts[order] = leaves[order] + (slopes * moved).sum(1)
        calls.append(Call(name, x.detach(), made, leaves))
        return Jet(parts, self.stated[name].names)

    def columns(self, calls: Sequence[Call], slopes: Sequence[Tensor], count: int) -> Tensor:
        """The derivatives (n, parameters) of a number a point, given those by the leaves of the calls in order."""
        layouts, places, given = self.layouts, self.places, iter(slopes)
        out = torch.zeros(count, sum(layout.size for layout in layouts.values()), dtype=torch.float64)
        with torch.no_grad():
            for call in calls:
                none = torch.zeros_like(call.made.outputs[()])
                by: dict[Order, Tensor] = dict.fromkeys(call.made.outputs, none)
                by |= {order: next(given).unsqueeze(1) for order in call.leaves}
                out[:, places[call.name]] += call.made.jacobian(layouts[call.name], by)
        return out

    def penalty(self, name: str) -> Penalty:
        """How curved a function is over the range of its knots."""
        model, layout = self.models[name], self.layouts[name]
        if not self.smoothing.get(name) or not model.layers[0].spline_mask().any():
            return Penalty(0.0, torch.zeros(layout.size).double(), torch.zeros(layout.size, layout.size).double())
        low, high = knot_range(model)
        points, width = _spread(low, high), high - low
        k, value = len(low), 0.0
        gradient = torch.zeros(layout.size, dtype=torch.float64)
        matrix = torch.zeros(layout.size, layout.size, dtype=torch.float64)
        with torch.no_grad():
            made = JetPass(model, points)
            for order in combinations_with_replacement(range(k), 2):
                factor = float(width[order[0]] * width[order[1]]) * (1.0 if order[0] == order[1] else 2**0.5)
                row = factor * made.outputs[order][:, 0]
                by: Jets = {o: torch.full_like(part, factor if o == order else 0) for o, part in made.outputs.items()}
                slopes = made.jacobian(layout, by)
                value += float(row.square().mean())
                gradient += slopes.T @ row / len(points)
                matrix += slopes.T @ slopes / len(points)
        return Penalty(value, gradient, matrix)

    def penalties(self) -> dict[str, Penalty]:
        return {name: self.penalty(name) for name in self.models}

    def adapted(self, calls: Sequence[Call], grid: int) -> Laws:
        """The same with knots over the arguments of calls; splines of our own have as many cells as asked, if more."""
        new = {}
        for name, model in self.models.items():
            at = [call.arguments for call in calls if call.name == name]
            finer = max(model.layers[0].grid, min(grid, _MOST_CELLS)) if self.stated[name].model is None else None
            new[name] = adapt_grid(model, torch.cat(at), finer) if at else model
        return replace(self, models=new)

    def ranges(self, calls: Sequence[Call]) -> dict[str, tuple[Tensor, Tensor]]:
        """The ends (k,) of the ranges of each function's arguments in calls."""
        found = {}
        for name in self.models:
            at = torch.cat([call.arguments for call in calls if call.name == name])
            found[name] = at.amin(0), at.amax(0)
        return found

    def with_smoothing(self, smoothing: Mapping[str, float], weights: Sequence[float]) -> Laws:
        return replace(self, smoothing=dict(smoothing), weights=tuple(weights))


def knot_range(model: KAN) -> tuple[Tensor, Tensor]:
    """The ends (k,) of the ranges that a network's first knots span."""
    layer: Any = model.layers[0]
    degree = int(layer.degree)
    finite = [row[torch.isfinite(row)] for row in layer.knots]
    low = torch.stack([row[degree] for row in finite])
    high = torch.stack([row[-degree - 1] for row in finite])
    return low, high


def _spread(low: Tensor, high: Tensor) -> Tensor:
    """Points (n, k) spread over a box, ends included on a line."""
    count = _SAMPLES.get(len(low), 2000)
    if len(low) == 1:
        return torch.linspace(float(low), float(high), count, dtype=torch.float64).unsqueeze(1)
    unit = torch.quasirandom.SobolEngine(len(low)).draw(count).double()
    return low + unit * (high - low)
