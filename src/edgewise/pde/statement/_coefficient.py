"""Unknown functions in an equation: as stated, as networks while it is solved, and as found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations_with_replacement
from statistics import NormalDist
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._jets import Jets, Order, below
from edgewise._typing import Data
from edgewise.nn import KAN, Layout, adapt_grid, clone
from edgewise.pde.geometry._jet import HIGHEST, Jet, orders_up_to
from edgewise.pde.splines._pass import JetPass

_CELLS, _DEGREE = 16, 5
_SMOOTH = 1e-4  # the first factor of the mean squared curvature, over the square of a function's first value
_MOST_CELLS = 48
_SAMPLES = {1: 400, 2: 900}  # places at which the curvature is taken
_CURVE = 200


@dataclass(frozen=True)
class Coefficient:
    """An unknown function in an equation, as k(x) in (k u')' = f or D(u) in u_t = (D(u) u_x)_x.

    Parameters
    ----------
    arguments
        The names of what it depends on. They need not be coordinates; the equation says what they are: c.k(p.x),
        c.D(u.value). Derivatives have these names: c.D(u.value).u is D'(u).
    model
        A KAN with as many inputs and one output, without a base; by default one spline, or a sum of splines.
    start
        Its value before training.
    smoothing
        The factor of the mean squared curvature that is added to the loss. The curvature is measured with each argument
        scaled to a range of length one. "auto" finds the factor from the noise of the measurements, by restricted
        maximum likelihood.

    Raises
    ------
    InputError
        For names that are not, for a network of other inputs or outputs, and for numbers that are not finite.

    Examples
    --------
    >>> Coefficient("x").network().widths, Coefficient(("x", "u")).network().widths
    ([1, 1], [2, 1])
    """

    arguments: str | Sequence[str]
    model: KAN | None = None
    start: float = 1.0
    smoothing: float | str = "auto"

    def __post_init__(self) -> None:
        if not self.names or not all(isinstance(name, str) and name.isidentifier() for name in self.names):
            raise InputError(
                f"The arguments of an unknown function are names, like 'x' or ('x', 'u'). Got {self.arguments!r}."
            )
        if len(set(self.names)) < len(self.names):
            raise InputError(f"The arguments of an unknown function need different names. Got {self.names}.")
        if not is_number(self.start):
            raise InputError(f"'start' must be a finite number. Got {self.start!r}.")
        if self.smoothing != "auto" and (not is_number(self.smoothing, 0)):
            raise InputError(f"'smoothing' must be 'auto' or a number >= 0. Got {self.smoothing!r}.")
        if self.model is not None:
            _check(self.model, self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arguments."""
        return (self.arguments,) if isinstance(self.arguments, str) else tuple(self.arguments)

    def network(self) -> KAN:
        """Return the network before training, in float64."""
        if self.model is not None:
            return clone(self.model).double()
        new = KAN([len(self.names), 1], grid=_CELLS, degree=_DEGREE, base=None)
        with torch.no_grad():
            new.layers[0].coefficients.fill_(self.start / len(self.names))
        return new.double()

    def called(self, arguments: Sequence[Tensor]) -> Tensor:
        """Return arguments as rows (n, k).

        Parameters
        ----------
        arguments : (n,)
            The k arguments, a tensor each.

        Raises
        ------
        InputError
            For another number of arguments, and what is no tensor (n,).
        """
        if len(arguments) != len(self.names) or not all(isinstance(a, Tensor) and a.dim() == 1 for a in arguments):
            got = ", ".join(type(a).__name__ for a in arguments)
            raise InputError(
                f"An unknown function of {', '.join(self.names)} is called with as many tensors, like c.k(p.x) or "
                f"c.D(u.value). Got {got or 'none'}."
            )
        return torch.stack(torch.broadcast_tensors(*arguments), 1)

    def constant(self, asked: set[Order] | None = None) -> Callable[..., Jet]:
        """Return the function that is `start` everywhere, as an equation calls it.

        Parameters
        ----------
        asked
            A set in which the derivatives that are read are noted; None notes nothing.
        """

        def call(*arguments: Tensor) -> Jet:
            x = self.called(arguments)
            every = orders_up_to(HIGHEST, x.shape[1])
            parts = {order: torch.full_like(x[:, 0], 0.0 if order else self.start) for order in every}
            return Jet(parts, self.names, () if asked is None else (asked,))

        return call


def _check(model: KAN, names: tuple[str, ...]) -> None:
    if not isinstance(model, KAN):
        raise InputError(f"'model' must be a KAN. Got {type(model).__name__}.")
    if model.n_in != len(names) or model.n_out != 1:
        raise InputError(
            f"The network of an unknown function of {', '.join(names)} must have {len(names)} inputs and one output. "
            f"Got {model.widths}."
        )
    for layer in model.layers:
        if layer.base is not None or (layer.degree is not None and layer.degree < 3):
            raise InputError(
                "The network of an unknown function needs splines of degree 3 or more without a base: "
                "KAN(..., degree=5, base=None)."
            )


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
    def of(cls, stated: Mapping[str, Coefficient], orders: dict[str, list[Order]]) -> Laws:
        """The functions as they begin, with the derivatives that are read of each."""
        smoothing = {
            name: _SMOOTH / max(own.start**2, 1e-6) if isinstance(own.smoothing, str) else float(own.smoothing)
            for name, own in stated.items()
        }
        models = {name: own.network() for name, own in stated.items()}
        return cls(stated, models, orders, smoothing)

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


@dataclass(frozen=True)
class FoundCoefficient:
    """An unknown function that was found: called with its arguments (n,) or (n, k), it gives values (n,).

    Parameters
    ----------
    model
        Its network.
    names
        The names of its k arguments.
    low, high : (k,)
        The range of the arguments in the equation, outside of which nothing is known.
    covariance
        The covariance of the network's free parameters.
    smoothing
        The factor of the mean squared curvature in the loss.
    """

    model: KAN
    names: tuple[str, ...]
    low: Tensor
    high: Tensor
    covariance: Tensor
    smoothing: float

    def __call__(self, at: Data) -> Tensor:
        with torch.no_grad():
            return self.model(self._rows(at))[:, 0]

    def standard_error(self, at: Data) -> Tensor:
        """Return the standard error (n,) at arguments, by the noise of the measurements and the bias of smoothing.

        Parameters
        ----------
        at
            Arguments (n,) or (n, k).

        Raises
        ------
        InputError
            For arguments of another shape.
        """
        x, layout = self._rows(at), Layout(self.model)
        with torch.no_grad():
            made = JetPass(self.model, x, [()])
            slopes = made.jacobian(layout, {(): torch.ones_like(made.outputs[()])})
            return ((slopes @ self.covariance) * slopes).sum(1).clamp_min(0).sqrt()

    def band(self, at: Data, level: float = 0.95) -> tuple[Tensor, Tensor]:
        """Return the ends (n,) of the band that holds the function, at each argument, with a given probability.

        It is wide where the equation does not determine the function: k(x) in (k u')' = f where u' = 0.

        Parameters
        ----------
        at
            Arguments (n,) or (n, k).
        level
            The probability, between 0 and 1.

        Raises
        ------
        InputError
            For arguments of another shape, and a level that is no probability.
        """
        if not is_number(level, 0) or not 0 < level < 1:
            raise InputError(f"'level' must be a number between 0 and 1. Got {level!r}.")
        value, half = self(at), NormalDist().inv_cdf((1 + level) / 2) * self.standard_error(at)
        return value - half, value + half

    def curve(self, count: int = _CURVE) -> Tensor:
        """Return arguments (count,) evenly spaced over the range, where there is one argument.

        Parameters
        ----------
        count
            The number of arguments.

        Raises
        ------
        InputError
            For a function of several arguments.
        """
        if len(self.names) > 1:
            raise InputError(f"A curve has one argument. This is a function of {', '.join(self.names)}.")
        return torch.linspace(float(self.low), float(self.high), count, dtype=torch.float64)

    def _rows(self, at: Data) -> Tensor:
        x = torch.as_tensor(at, dtype=torch.float64)
        if x.ndim == 1 and len(self.names) == 1:
            x = x.unsqueeze(1)
        if x.ndim != 2 or x.shape[1] != len(self.names):
            wanted = "(n,)" if len(self.names) == 1 else f"(n, {len(self.names)})"
            raise InputError(f"Arguments {', '.join(self.names)} of shape {wanted} are needed. Got {tuple(x.shape)}.")
        return x

    def __repr__(self) -> str:
        ends = ", ".join(
            f"{name} from {low:.4g} to {high:.4g}"
            for name, low, high in zip(self.names, self.low.tolist(), self.high.tolist(), strict=True)
        )
        return f"FoundCoefficient({ends})"
