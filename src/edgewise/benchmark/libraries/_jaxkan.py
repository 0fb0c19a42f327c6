"""jaxKAN."""

# pyright: reportMissingImports=false
# The library lives in an environment of its own.

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from edgewise.benchmark._race import Race
from edgewise.benchmark.libraries._base import DEGREE, RATE, Library, Shape, Unit

_GRIDS, _EPOCHS, _RATE, _STRIDE = (3, 6, 10, 24), 2000, 0.03, 100


class JaxKAN(Library):
    """Its spline layer, everything jitted as a whole and compiled before the clock starts."""

    name = "jaxkan"
    module = "jaxkan"
    install = "jaxkan"
    settings = (
        "SplineLayer, the quicker of its two B-spline layers, with default arguments; one jitted function for all of a "
        "call; float64 through jax_enable_x64, knots and parameters cast; trained as in its tutorial on grids "
        "([n, 10, 1], Adam 0.03, grids 3, 6, 10, 24, ten times the epochs), then by optax's L-BFGS."
    )
    recipes = ("Adam, then L-BFGS",)

    def layer(self, shape: Shape, *, adam: bool = False) -> Unit:
        import jax
        import optax

        with _precision(shape.dtype):
            apply, params = _function([shape.n_in, shape.n_out], shape.grid, shape.dtype)
            x, upstream = map(jax.numpy.asarray, shape.data())
            solver = optax.adam(RATE)
            state = solver.init(params) if adam else None

            @jax.jit
            def all_of_it(params: Any, state: Any, x: Any, upstream: Any) -> Any:
                y, pull = jax.vjp(apply, params, x)
                gradient, back = pull(upstream)
                if not adam:
                    return y, gradient, back
                updates, state = solver.update(gradient, state)
                return y, optax.apply_updates(params, updates), state, back

            compiled = all_of_it.lower(params, state, x, upstream).compile()
        return Unit(lambda: jax.block_until_ready(compiled(params, state, x, upstream)), _count(params))

    def step(self, widths: Sequence[int], grid: int, x: np.ndarray, y: np.ndarray) -> Unit:
        import jax
        import optax

        with _precision(str(x.dtype)):
            apply, params = _function(widths, grid, str(x.dtype))
            solver = optax.adam(RATE)
            carried = (params, solver.init(params))
            update = jax.jit(_adam_step(apply, solver, jax.numpy.asarray(x), jax.numpy.asarray(y)))
            compiled = update.lower(carried).compile()

        def call() -> None:
            nonlocal carried
            carried = jax.block_until_ready(compiled(carried))

        return Unit(call, _count(params))

    def train(self, recipe: str, race: Race) -> None:
        with _precision("float64"):
            _train(race)


def _precision(dtype: str) -> Any:
    import jax

    return jax.enable_x64(dtype == "float64")


def _network(widths: Sequence[int], grid: int, dtype: str) -> Any:
    from jaxkan.models.KAN import KAN

    model = KAN(list(widths), layer_type="spline", required_parameters={"k": DEGREE, "G": grid}, seed=0)
    for layer in model.layers:
        layer.grid.item = layer.grid.item.astype(dtype)
    return model


def _split(model: Any, dtype: str) -> tuple[Callable[[Any, Any], Any], Any]:
    """The network as a function of its parameters and inputs, and the parameters."""
    import jax
    from flax import nnx

    graph, params, rest = nnx.split(model, nnx.Param, ...)
    return lambda p, x: nnx.merge(graph, p, rest)(x), jax.tree.map(lambda a: a.astype(dtype), params)


def _function(widths: Sequence[int], grid: int, dtype: str) -> tuple[Callable[[Any, Any], Any], Any]:
    return _split(_network(widths, grid, dtype), dtype)


def _count(params: Any) -> int:
    import jax

    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _loss(apply: Callable[[Any, Any], Any], x: Any, y: Any) -> Callable[[Any], Any]:
    return lambda params: ((apply(params, x) - y) ** 2).mean()


def _adam_step(apply: Any, solver: Any, x: Any, y: Any) -> Callable[[Any], Any]:
    import jax
    import optax

    def update(carried: Any, _: Any = None) -> Any:
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


def _train(race: Race) -> None:
    import jax
    import optax
    from flax import nnx

    x, y = jax.numpy.asarray(race.x), jax.numpy.asarray(race.y)[:, None]
    model = _network([race.x.shape[1], 10, 1], _GRIDS[0], "float64")
    race.start()
    for grid in _GRIDS:
        with race.paused():  # a few milliseconds, but for what it compiles
            model.update_grids(x, grid)
        apply, params = _split(model, "float64")
        params = _run(race, apply, params, _adam_step(apply, optax.adam(_RATE), x, y), optax.adam(_RATE), _EPOCHS)
        nnx.update(model, params)
    _run(race, apply, params, _lbfgs_step(apply, optax.lbfgs(), x, y), optax.lbfgs(), None)


def _run(race: Race, apply: Any, params: Any, update: Callable[[Any], Any], solver: Any, steps: int | None) -> Any:
    """Strides of compiled steps, a point after each, until the steps are done or the race is over."""
    import jax

    carried = (params, solver.init(params))
    with race.paused():
        stride = jax.jit(lambda carried: jax.lax.fori_loop(0, _STRIDE, lambda _, c: update(c), carried))
        compiled = stride.lower(carried).compile()
        outputs = jax.jit(apply)
    done = 0
    while not race.over and (steps is None or done < steps):
        carried = jax.block_until_ready(compiled(carried))
        done += _STRIDE
        race.point(partial(_predict, outputs, carried[0]))
    return carried[0]


def _predict(outputs: Callable[[Any, Any], Any], params: Any, rows: np.ndarray) -> np.ndarray:
    return np.asarray(outputs(params, rows))[:, 0]
