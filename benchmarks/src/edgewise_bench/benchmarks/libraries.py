"""The other libraries of KANs, in torch and jax, each with its own recommended settings; all libraries by name."""

# pyright: reportMissingImports=false
# The library lives in a separate environment.

from __future__ import annotations

import contextlib
import importlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from edgewise_bench.baselines import (
    default_dtype,
    pykan_refined,
    pykan_rows,
    silenced,
)
from edgewise_bench.benchmarks.library import (
    DEGREE,
    MLP,
    RATE,
    Edgewise,
    Library,
    Race,
    Shape,
    TorchLibrary,
    Unit,
    train,
)

_GRIDS, _STEPS, _STRIDE = (3, 10, 20, 50, 100), 200, 5


class EfficientKAN(TorchLibrary):
    """Its layer with default arguments, and networks of such layers: the package's own KAN passes grid as degree."""

    name = "efficient-kan"
    module = "kan_gpt"
    install = "kan-gpt"
    recipes = ("L-BFGS, grid 5", "L-BFGS, grid 20", "Adam, grid 20")

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        return _linear(shape.n_in, shape.n_out, shape.grid, getattr(torch, shape.dtype))

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        return torch.nn.Sequential(*(_linear(*pair, grid, dtype) for pair in pairwise(widths)))

    def train(self, recipe: str, race: Race) -> None:
        """Train a wider network than edgewise's: the narrow one leaves the fixed grid of its hidden layer."""
        solver, grid = recipe.split(", grid ")
        torch.manual_seed(race.seed)
        module = self.module_network([race.x.shape[1], 10, 1], int(grid), torch.float64)
        train(module, race, solver)


def _linear(n_in: int, n_out: int, grid: int, dtype: torch.dtype) -> torch.nn.Module:
    # The module itself: the package's front page brings in a language model.
    from kan_gpt.efficient_kan.model import KANLinear  # pyright: ignore[reportMissingImports]

    return KANLinear(n_in, n_out, grid_size=grid, spline_order=DEGREE).to(dtype)


class PyKAN(TorchLibrary):
    """Its layer with default arguments, and its network in the mode that it calls speed, trained as in its Example 1.

    Speed mode leaves out symbolic edges and stored activations.
    """

    name = "pykan"
    module = "kan"
    install = "pykan"
    recipes = ("its notebook",)

    def module_layer(self, shape: Shape) -> torch.nn.Module:
        return _Outputs(_layer(shape))

    def module_network(self, widths: Sequence[int], grid: int, dtype: torch.dtype) -> torch.nn.Module:
        from kan import KAN  # pyright: ignore[reportMissingImports]

        with default_dtype(dtype), silenced():
            return KAN(width=list(widths), grid=grid, k=DEGREE, seed=0, auto_save=False).speed()

    def parameters(self, module: torch.nn.Module) -> int:
        """Count parameters without those of symbolic edges, which speed mode leaves out."""
        return super().parameters(module.act_fun if hasattr(module, "act_fun") else module)  # type: ignore[arg-type]

    def train(self, recipe: str, race: Race) -> None:
        rows = pykan_rows((race.x, race.y))
        models = pykan_refined(race.widths, _GRIDS, rows["train_input"], race.seed)
        with default_dtype(torch.float64), silenced(), contextlib.suppress(_Over):
            race.start()
            for model in models:
                model.fit(rows, opt="LBFGS", steps=_STEPS, metrics=[_callback(race, model)])


class _Over(Exception):
    """Ends pykan's `fit`."""


def _callback(race: Race, model: Any) -> Callable[[], Tensor]:
    """Return what `fit` calls after every step, which adds a point to the curve after some."""
    steps = itertools.count(1)

    def callback() -> Tensor:
        if next(steps) % _STRIDE == 0:
            race.point(lambda rows: model(torch.from_numpy(rows))[:, 0].detach().numpy())
        if race.over:
            raise _Over
        return torch.zeros(())

    return callback


class _Outputs(torch.nn.Module):
    """A layer of pykan without the activations that it returns with its outputs."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.inner = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)[0]


def _layer(shape: Shape) -> torch.nn.Module:
    """Build the layer with random coefficients: it would solve least squares for each edge, which takes minutes."""
    module = importlib.import_module("kan.KANLayer")

    def drawn(x_eval: Tensor, y_eval: Tensor, grid: Tensor, k: int) -> Tensor:
        return 0.1 * torch.randn(y_eval.shape[1], y_eval.shape[2], grid.shape[1] - k - 1)

    with default_dtype(getattr(torch, shape.dtype)), mock.patch.object(module, "curve2coef", drawn):
        return module.KANLayer(in_dim=shape.n_in, out_dim=shape.n_out, num=shape.grid, k=DEGREE)


_JAXKAN_GRIDS, _EPOCHS, _RATE, _JAXKAN_STRIDE = (3, 6, 10, 24), 2000, 0.03, 100


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
        model = _network([race.x.shape[1], 10, 1], _JAXKAN_GRIDS[0], "float64")
        adam = optax.adam(_RATE)
        race.start()
        for grid in _JAXKAN_GRIDS:
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
        stride = jax.jit(lambda carried: jax.lax.fori_loop(0, _JAXKAN_STRIDE, lambda _, c: update(c), carried))
        compiled = stride.lower(carried).compile()
        outputs = jax.jit(net.apply)
    done = 0
    while not race.over and (steps is None or done < steps):
        carried = jax.block_until_ready(compiled(carried))
        done += _JAXKAN_STRIDE
        race.point(lambda rows, params=carried[0]: np.asarray(outputs(params, rows))[:, 0])
    return carried[0]


LIBRARIES: dict[str, Library] = {
    library.name: library for library in (Edgewise(), MLP(), EfficientKAN(), PyKAN(), JaxKAN())
}
BASELINES = ("efficient-kan", "pykan", "jaxkan")
