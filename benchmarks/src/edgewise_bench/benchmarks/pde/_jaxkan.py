"""jaxKAN's networks as a problem's unknown."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise._jets import Jets, Order
from edgewise.pde import Problem
from edgewise_bench.benchmarks.pde._networks import Network

_HIDDEN, _DEGREE = (6, 6), 5  # as in its tutorial on differential equations


class JaxKANNetwork(Network):
    """A network of Chebyshev layers as in jaxKAN's tutorial on differential equations, in float64.

    Its values and derivatives are one compiled function, and so are the products with their Jacobian, which torch's
    optimizers use. The forward pass is repeated in the latter, which jaxKAN alone would not do: a step takes about a
    third longer.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        import jax
        from flax import nnx
        from jax.flatten_util import ravel_pytree
        from jaxkan.models.KAN import KAN

        super().__init__(problem)
        jax.config.update("jax_enable_x64", True)
        sizes = [self.inputs, *_HIDDEN, problem.unknowns]
        layer = {"D": _DEGREE, "flavor": "exact", "residual": None, "external_weights": False, "add_bias": True}
        model = KAN(sizes, "chebyshev", {**layer, "init_scheme": {"type": "glorot_fine"}}, seed=seed)
        graph, state, rest = nnx.split(model, nnx.Param, ...)
        state, rest = (jax.tree.map(_doubled, part) for part in (state, rest))
        vector, unravel = ravel_pytree(state)
        self.vector = torch.nn.Parameter(torch.from_numpy(np.array(vector)))
        self._outputs = lambda v, x: nnx.merge(graph, unravel(v), rest)(self._features(x))
        self._compiled: dict[tuple[Order, ...], tuple[Callable[..., Any], Callable[..., Any]]] = {}

    def jets(self, points: Tensor, orders: Sequence[Order]) -> Jets:
        values = _Call.apply(self.vector, self._functions(tuple(orders)), points.numpy())
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


class _Call(torch.autograd.Function):
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
