"""jaxKAN."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from edgewise_bench.benchmarks.libraries._libraries import DEGREE, RATE, Library, Race, Shape, Unit

_GRIDS, _EPOCHS, _RATE, _STRIDE = (3, 6, 10, 24), 2000, 0.03, 100


class JaxKAN(Library):
    """SplineLayer, the quicker of its two B-spline layers, jitted as a whole and compiled before the clock starts.

    float64 through jax_enable_x64, knots and parameters cast. Trained as in its tutorial on grids: [n, 10, 1], Adam
    0.03, grids 3, 6, 10, 24, ten times the epochs; then by optax's L-BFGS.
    """

    name = "jaxkan"
    module = "jaxkan"
    install = "jaxkan"
    recipes = ("Adam, then L-BFGS",)

    def layer(self, shape: Shape, *, adam: bool = False) -> Unit:
        import jax
        import optax

        jax.config.update("jax_enable_x64", shape.dtype == "float64")
        net = _Function.of(_network([shape.n_in, shape.n_out], shape.grid, shape.dtype), shape.dtype)
        x, upstream = map(jax.numpy.asarray, shape.data())
        solver = optax.adam(RATE)
        state = solver.init(net.params) if adam else None

        @jax.jit
        def all_of_it(params: Any, state: Any, x: Any, upstream: Any) -> Any:
            y, pull = jax.vjp(net.apply, params, x)
            gradient, back = pull(upstream)
            if not adam:
                return y, gradient, back
            updates, state = solver.update(gradient, state)
            return y, optax.apply_updates(params, updates), state, back

        # Compiled here; called through jit, whose calls cost less than those of what `lower().compile()` gives.
        all_of_it.lower(net.params, state, x, upstream).compile()
        return Unit(lambda: jax.block_until_ready(all_of_it(net.params, state, x, upstream)), net.size)

    def step(self, widths: Sequence[int], grid: int, x: np.ndarray, y: np.ndarray) -> Unit:
        import jax
        import optax

        jax.config.update("jax_enable_x64", x.dtype == np.float64)
        net = _Function.of(_network(widths, grid, str(x.dtype)), str(x.dtype))
        solver = optax.adam(RATE)
        carried = (net.params, solver.init(net.params))
        update = jax.jit(_adam_step(net.apply, solver, jax.numpy.asarray(x), jax.numpy.asarray(y)))

        def call() -> None:
            nonlocal carried
            carried = jax.block_until_ready(update(carried))

        return Unit(call, net.size)

    def train(self, recipe: str, race: Race) -> None:
        import jax
        import optax
        from flax import nnx

        jax.config.update("jax_enable_x64", True)
        x, y = jax.numpy.asarray(race.x), jax.numpy.asarray(race.y)[:, None]
        model = _network([race.x.shape[1], 10, 1], _GRIDS[0], "float64")
        adam = optax.adam(_RATE)
        race.start()
        for grid in _GRIDS:
            with race.paused():  # a few milliseconds, but for what it compiles
                model.update_grids(x, grid)
            net = _Function.of(model, "float64")
            params = _run(race, net, net.params, _adam_step(net.apply, adam, x, y), adam, _EPOCHS)
            nnx.update(model, net.state(params))
        _run(race, net, params, _lbfgs_step(net.apply, optax.lbfgs(), x, y), optax.lbfgs(), None)


@dataclass(frozen=True)
class _Function:
    """A network as a function of its parameters and inputs.

    The parameters are a plain list: jit takes one apart in half the time that a state of flax takes.
    """

    apply: Callable[[Any, Any], Any]
    params: list[Any]
    state: Callable[[list[Any]], Any]

    @classmethod
    def of(cls, model: Any, dtype: str) -> _Function:
        import jax
        from flax import nnx

        graph, state, rest = nnx.split(model, nnx.Param, ...)
        leaves, tree = jax.tree.flatten(state)
        rebuild = partial(jax.tree.unflatten, tree)
        return cls(lambda p, x: nnx.merge(graph, rebuild(p), rest)(x), [leaf.astype(dtype) for leaf in leaves], rebuild)

    @property
    def size(self) -> int:
        return sum(leaf.size for leaf in self.params)


def _network(widths: Sequence[int], grid: int, dtype: str) -> Any:
    from jaxkan.models.KAN import KAN

    model = KAN(list(widths), layer_type="spline", required_parameters={"k": DEGREE, "G": grid}, seed=0)
    for layer in model.layers:
        layer.grid.item = layer.grid.item.astype(dtype)
    return model


def _loss(apply: Callable[[Any, Any], Any], x: Any, y: Any) -> Callable[[Any], Any]:
    return lambda params: ((apply(params, x) - y) ** 2).mean()


def _adam_step(apply: Any, solver: Any, x: Any, y: Any) -> Callable[[Any], Any]:
    import jax
    import optax

    def update(carried: Any) -> Any:
        params, state = carried
        gradient = jax.grad(_loss(apply, x, y))(params)
        updates, state = solver.update(gradient, state)
        return optax.apply_updates(params, updates), state

    return update


def _lbfgs_step(apply: Any, solver: Any, x: Any, y: Any) -> Callable[[Any], Any]:
    import optax

    loss = _loss(apply, x, y)

    def update(carried: Any) -> Any:
        params, state = carried
        value, gradient = optax.value_and_grad_from_state(loss)(params, state=state)
        updates, state = solver.update(gradient, state, params, value=value, grad=gradient, value_fn=loss)
        return optax.apply_updates(params, updates), state

    return update


def _run(
    race: Race, net: _Function, params: Any, update: Callable[[Any], Any], solver: Any, steps: int | None
) -> Any:  # fmt: skip
    """Run strides of compiled steps, a point after each, until the steps are done or the race is over."""
    import jax

    carried = (params, solver.init(params))
    with race.paused():
        stride = jax.jit(lambda carried: jax.lax.fori_loop(0, _STRIDE, lambda _, c: update(c), carried))
        compiled = stride.lower(carried).compile()
        outputs = jax.jit(net.apply)
    done = 0
    while not race.over and (steps is None or done < steps):
        carried = jax.block_until_ready(compiled(carried))
        done += _STRIDE
        race.point(lambda rows, params=carried[0]: np.asarray(outputs(params, rows))[:, 0])
    return carried[0]
