"""The baselines: physics-informed networks, a tanh MLP with derivatives of any order, and jaxKAN's."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, Order, composition
from edgewise.pde import Jet, Periodic, Problem
from edgewise_bench.baselines import Term, lbfgs, parameter_count, problem_loss, problem_terms, seeded


class Network(torch.nn.Module):
    """A network of the coordinates as a problem's unknown.

    Coordinates run from -1 to 1; one in which the problem is periodic enters as its cosine and sine, so that the
    network is periodic as well.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem = replace(problem, singular=())
        names = {c.name for c in problem.conditions if isinstance(c, Periodic)}
        self.periodic = [name in names for name in problem.domain.names]

    @abstractmethod
    def jets(self, points: Tensor, orders: Sequence[Order]) -> Jets:
        """Return the outputs (n, m) and their derivatives at points (n, d)."""

    @property
    def inputs(self) -> int:
        return len(self.periodic) + sum(self.periodic)

    @property
    def parameter_count(self) -> int:
        return parameter_count(self)

    def at(self, points: Tensor, order: int = 0) -> Any:
        """Return the unknown at points, with its derivatives up to an order of at most 1."""
        chunk = 5000
        d = points.shape[1]
        orders: list[Order] = [(), *((k,) for k in range(d))] if order else [()]
        parts = [self._unknown(some, orders) for some in points.split(chunk)]
        if isinstance(parts[0], Jet):
            return _joined(parts)
        return tuple(_joined(list(same)) for same in zip(*parts, strict=True))

    def loss(self, terms: Sequence[Term]) -> Tensor:
        """Return the mean square of what the equation leaves plus the weighted ones of the conditions."""
        return problem_loss(self.problem, terms, lambda side: self._unknown(side, self.problem.orders), {})

    def train_for(self, seconds: float, seed: int) -> float:
        """Train by Adam, then by L-BFGS, for a number of seconds of CPU time, which are returned.

        Adam has a rate of 1e-3 and a third of the time; L-BFGS goes on from the network with the lowest loss.
        """
        rate, adam = 1e-3, 1 / 3  # of Adam, and its share of the time
        terms = problem_terms(self.problem, inside=4000, on_faces=400, seed=seed)
        optimizer = torch.optim.Adam(self.parameters(), lr=rate)
        self.loss(terms).backward()  # whatever compiles does so before the clock starts
        began = time.process_time()
        while time.process_time() - began < adam * seconds:
            optimizer.zero_grad()
            self.loss(terms).backward()
            optimizer.step()
        train, last = lbfgs(self, lambda: self.loss(terms)), math.inf
        while time.process_time() - began < seconds:
            now = train()
            if not math.isfinite(now) or now == last:  # it has stalled
                break
            last = now
        return time.process_time() - began

    def _unknown(self, points: Tensor, orders: Sequence[Order]) -> Any:
        return self.problem.unknown(self.jets(points, orders), points)


class TanhNetwork(Network):
    """Three hidden layers of 20 nodes, as in DeepXDE's examples, with Glorot's initial weights.

    >>> from edgewise_bench.benchmarks.pde import TASKS
    >>> network = TanhNetwork(TASKS["kdv"].problem(), seed=0)
    >>> network.inputs, network.at(torch.zeros(2, 2).double()).value.shape
    (3, torch.Size([2]))
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        hidden = (20, 20, 20)
        super().__init__(problem)
        sizes = [self.inputs, *hidden, problem.unknowns]
        with seeded(seed):
            self.layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(sizes)]
            for layer in self.layers:
                torch.nn.init.xavier_normal_(layer.weight)
                torch.nn.init.zeros_(layer.bias)
        self.trained = torch.nn.ModuleList(self.layers)

    def jets(self, points: Tensor, orders: Sequence[Order]) -> Jets:
        parts = self._features(points, orders)
        for number, layer in enumerate(self.layers):
            if number:
                parts = composition(_tanh(parts[()], max(map(len, orders))), parts)
            parts = {order: part @ layer.weight.T for order, part in parts.items()}
            parts[()] = parts[()] + layer.bias
        return parts

    def _features(self, points: Tensor, orders: Sequence[Order]) -> dict[Order, Tensor]:
        box, jets = self.problem.domain, []
        p = SimpleNamespace(**Jet.coordinates(points, box.names, orders))
        for name, low, high, periodic in zip(box.names, box.low, box.high, self.periodic, strict=True):
            scaled = (getattr(p, name) - (low + high) / 2) * (2 / (high - low))
            jets += [torch.cos(scaled * math.pi), torch.sin(scaled * math.pi)] if periodic else [scaled]
        return {order: torch.stack([jet.parts[order] for jet in jets], 1) for order in orders}


def _tanh(x: Tensor, order: int) -> list[Tensor]:
    """Return the hyperbolic tangent and its derivatives up to an order of at most four."""
    y = torch.tanh(x)
    first = 1 - y * y
    second = -2 * y * first
    third = -2 * (first * first + y * second)
    return [y, first, second, third, -2 * (3 * first * second + y * third)][: order + 1]


def _joined(jets: list[Jet]) -> Jet:
    parts = {order: torch.cat([jet.parts[order] for jet in jets]).detach() for order in jets[0].parts}
    return Jet(parts, jets[0].names)


class JaxKANNetwork(Network):
    """A network of Chebyshev layers as in jaxKAN's tutorial on differential equations, in float64.

    Its values and derivatives are one compiled function, and so are the products with their Jacobian, which torch's
    optimizers use. The forward pass is repeated in the latter, which jaxKAN alone would not do: a step takes about a
    third longer.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        jaxkan_hidden, jaxkan_degree = (6, 6), 5  # as in its tutorial on differential equations
        import jax
        from flax import nnx
        from jax.flatten_util import ravel_pytree
        from jaxkan.models.KAN import KAN

        super().__init__(problem)
        jax.config.update("jax_enable_x64", True)
        sizes = [self.inputs, *jaxkan_hidden, problem.unknowns]
        layer = {"D": jaxkan_degree, "flavor": "exact", "residual": None, "external_weights": False, "add_bias": True}
        model = KAN(sizes, "chebyshev", {**layer, "init_scheme": {"type": "glorot_fine"}}, seed=seed)
        graph, state, rest = nnx.split(model, nnx.Param, ...)
        state, rest = (jax.tree.map(_doubled, part) for part in (state, rest))
        vector, unravel = ravel_pytree(state)
        self.vector = torch.nn.Parameter(torch.from_numpy(np.array(vector)))
        self._outputs = lambda v, x: nnx.merge(graph, unravel(v), rest)(self._features(x))
        self._compiled: dict[tuple[Order, ...], tuple[Callable[..., Any], Callable[..., Any]]] = {}

    def jets(self, points: Tensor, orders: Sequence[Order]) -> Jets:
        values = _CompiledCall.apply(self.vector, self._functions(tuple(orders)), points.numpy())
        return dict(zip(orders, values.unbind(0), strict=True))

    def _functions(self, orders: tuple[Order, ...]) -> tuple[Callable[..., Any], Callable[..., Any]]:
        import jax

        def values(vector: Any, x: Any) -> Any:
            found = []
            for order in orders:
                function = lambda x: self._outputs(vector, x)  # noqa: E731 (each is wrapped below)
                for k in order:
                    function = _derivative(function, k)
                found.append(function(x))
            return jax.numpy.stack(found)

        def pulled(vector: Any, x: Any, upstream: Any) -> Any:
            return jax.vjp(lambda v: values(v, x), vector)[1](upstream)[0]

        if orders not in self._compiled:
            self._compiled[orders] = jax.jit(values), jax.jit(pulled)
        return self._compiled[orders]

    def _features(self, x: Any) -> Any:
        from jax import numpy as jnp

        box, columns = self.problem.domain, []
        for k, (low, high, periodic) in enumerate(zip(box.low, box.high, self.periodic, strict=True)):
            scaled = (x[:, k] - (low + high) / 2) * (2 / (high - low))
            columns += [jnp.cos(scaled * math.pi), jnp.sin(scaled * math.pi)] if periodic else [scaled]
        return jnp.stack(columns, axis=1)


class _CompiledCall(torch.autograd.Function):
    """Two compiled functions of a vector of parameters and points, values and products, as one of torch's."""

    @staticmethod
    def forward(ctx: Any, vector: Tensor, functions: Any, points: np.ndarray) -> Tensor:
        ctx.given = vector.detach().numpy().copy(), functions, points
        return torch.from_numpy(np.array(functions[0](ctx.given[0], points)))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        vector, functions, points = ctx.given
        return torch.from_numpy(np.array(functions[1](vector, points, upstream[0].numpy()))), None, None


def _derivative(function: Callable[[Any], Any], k: int) -> Callable[[Any], Any]:
    """Return the derivative of a function of rows by their k-th column."""
    import jax

    return lambda x: jax.jvp(function, (x,), (jax.numpy.zeros_like(x).at[:, k].set(1.0),))[1]


def _doubled(leaf: Any) -> Any:
    """Return a leaf of a network in float64; keys of random numbers stay what they are."""
    from jax import numpy as jnp

    return leaf.astype("float64") if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf
