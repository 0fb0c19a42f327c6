"""Every transform of `torch.func`, and compositions of them, on every kind of layer: one Jacobian, told many ways.

The reference is `torch.autograd.functional.jacobian`, which asks reverse mode for a row at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.functional import jacobian
from torch.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)  # fmt: skip

import edgewise as ew

WIDTH = 4
BASES = ("bspline", "linear", "rbf", "chebyshev", "fourier")

Function = Callable[[Tensor], Tensor]


def _with_functions() -> ew.KAN:
    """A network with a product, a function and an edge that is off."""
    model = ew.nn.remove_edges(ew.KAN([WIDTH, (1, 1), 2], seed=0), [(0, 1, 2)])
    return ew.nn.set_function(model, (0, 0, 2), "sin", (2.0, 0.1, 0.5, 0.0))


LAYERS: dict[str, Callable[[], torch.nn.Module]] = {
    **{basis: lambda basis=basis: ew.nn.KANLayer(WIDTH, 2, basis=basis) for basis in BASES},
    "degree 5 without a base": lambda: ew.nn.KANLayer(WIDTH, 2, degree=5, grid=4, base=None),
    "network": lambda: ew.KAN([WIDTH, 3, 2], seed=0),
    "network with functions": _with_functions,
    "rational": lambda: ew.nn.Rational(groups=2),
    "rational layer": lambda: ew.nn.RationalLayer(WIDTH, 2, groups=2),
    "rational feed-forward": lambda: ew.nn.KANFeedForward(WIDTH, groups=2),
    "spline feed-forward": lambda: ew.nn.KANFeedForward(WIDTH, kind="spline"),
    "convolution": lambda: torch.nn.Sequential(
        torch.nn.Unflatten(-1, (1, WIDTH)), ew.nn.KANConv1d(1, 2, 3), torch.nn.Flatten(-2)
    ),
    "rational convolution": lambda: torch.nn.Sequential(
        torch.nn.Unflatten(-1, (1, WIDTH)), ew.nn.RationalConv1d(1, 2, 3, groups=1), torch.nn.Flatten(-2)
    ),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def _layer(make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    torch.manual_seed(0)
    return make().double()


def _points(*shape: int) -> Tensor:
    return 1.6 * torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) - 0.8


def _columns(push: Function, y: Tensor, x: Tensor) -> Tensor:
    """A Jacobian from what it does to each unit vector of the inputs."""
    return torch.stack([push(e.view_as(x)) for e in torch.eye(x.numel()).double()], -1).view(*y.shape, *x.shape)


def _rows(pull: Function, y: Tensor, x: Tensor) -> Tensor:
    """A Jacobian from what it does to each unit vector of the outputs."""
    return torch.stack([pull(e.view_as(y)) for e in torch.eye(y.numel()).double()]).view(*y.shape, *x.shape)


def _vjp(f: Function, x: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, ...]]]:
    y, pull = vjp(f, x)[:2]
    return y, pull


def _by_vjp(f: Function, x: Tensor) -> Tensor:
    y, pull = _vjp(f, x)  # the level of the transform ends here; the products are asked for afterwards
    return _rows(lambda e: pull(e)[0], y, x)


def _by_mapped_vjp(f: Function, x: Tensor) -> Tensor:
    y, pull = _vjp(f, x)
    return vmap(pull)(torch.eye(y.numel()).double().view(-1, *y.shape))[0].view(*y.shape, *x.shape)


def _by_mapped_jvp(f: Function, x: Tensor) -> Tensor:
    columns = vmap(lambda e: jvp(f, (x,), (e,))[1])(torch.eye(x.numel()).double().view(-1, *x.shape))
    return columns.movedim(0, -1).view(*columns.shape[1:], *x.shape)


def _by_linearize(f: Function, x: Tensor) -> Tensor:
    y, push = linearize(f, x)
    return _columns(push, y, x)


def _by_dual_numbers(f: Function, x: Tensor) -> Tensor:
    def push(e: Tensor) -> Tensor:
        with forward_ad.dual_level():
            return torch.clone(forward_ad.unpack_dual(f(forward_ad.make_dual(x, e))).tangent)  # type: ignore[arg-type]

    return _columns(push, f(x), x)


def _by_grads(f: Function, x: Tensor) -> Tensor:
    return _rows(lambda e: grad(lambda z: (f(z) * e).sum())(x), f(x), x)


def _by_inference(f: Function, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return jacfwd(f)(x).clone()


JACOBIANS: dict[str, Callable[[Function, Tensor], Tensor]] = {
    "jacrev": lambda f, x: jacrev(f)(x),
    "jacrev in chunks": lambda f, x: jacrev(f, chunk_size=1)(x),
    "jacfwd": lambda f, x: jacfwd(f)(x),
    "jacfwd in inference mode": _by_inference,
    "vjp": _by_vjp,
    "vmap of vjp": _by_mapped_vjp,
    "vjp without gradients": torch.no_grad()(_by_vjp),
    "jvp": lambda f, x: _columns(lambda e: jvp(f, (x,), (e,))[1], f(x), x),
    "vmap of jvp": _by_mapped_jvp,
    "linearize": _by_linearize,
    "dual numbers": _by_dual_numbers,
    "grad": _by_grads,
    "grad_and_value": lambda f, x: _rows(lambda e: grad_and_value(lambda z: (f(z) * e).sum())(x)[0], f(x), x),
    "vmap of jacrev": lambda f, x: vmap(jacrev(f))(x.unsqueeze(0)).squeeze(0),
    "vmap of vjp over inputs": lambda f, x: vmap(lambda z: _by_vjp(f, z))(x.unsqueeze(0)).squeeze(0),
}


@pytest.mark.filterwarnings("ignore")  # torch's own of linearize
@every_layer
@pytest.mark.parametrize("transform", JACOBIANS.values(), ids=JACOBIANS)
def test_every_transform_gives_the_same_jacobian(
    make: Callable[[], torch.nn.Module], transform: Callable[[Function, Tensor], Tensor]
) -> None:
    layer, x = _layer(make), _points(2, WIDTH)
    expected = jacobian(layer, x)
    assert isinstance(expected, Tensor) and expected.abs().max() > 0
    torch.testing.assert_close(transform(layer, x).detach(), expected, rtol=1e-9, atol=1e-11)


def _second_by_jvp_of_vjp(f: Function, x: Tensor) -> Tensor:
    y = f(x)

    def pulled(z: Tensor) -> Tensor:
        return vjp(f, z)[1](torch.ones_like(y))[0]

    return _columns(lambda e: jvp(pulled, (x,), (e,))[1], x, x)


def _second_by_vjp_of_vjp(f: Function, x: Tensor) -> Tensor:
    y = f(x)
    gradient, pull = _vjp(lambda z: vjp(f, z)[1](torch.ones_like(y))[0], x)
    return _rows(lambda e: pull(e)[0], gradient, x)


def _second_by_graph(f: Function, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    y, pull = _vjp(f, x)
    (gradient,) = pull(torch.ones_like(y))
    return _rows(lambda e: torch.autograd.grad(gradient, x, e, retain_graph=True)[0], gradient, x)


HESSIANS: dict[str, Callable[[Function, Tensor], Tensor]] = {
    "hessian": lambda f, x: hessian(lambda z: f(z).sum())(x),
    "jacrev of jacrev": lambda f, x: jacrev(jacrev(lambda z: f(z).sum()))(x),
    "jacrev of jacfwd": lambda f, x: jacrev(jacfwd(lambda z: f(z).sum()))(x),
    "jacfwd of jacfwd": lambda f, x: jacfwd(jacfwd(lambda z: f(z).sum()))(x),
    "jacrev of jvp": lambda f, x: _columns(lambda e: grad(lambda z: jvp(f, (z,), (e,))[1].sum())(x), x, x),
    "jvp of vjp": _second_by_jvp_of_vjp,
    "vjp of vjp": _second_by_vjp_of_vjp,
    "gradient of a vjp that has ended": _second_by_graph,
}


@every_layer
@pytest.mark.parametrize("transform", HESSIANS.values(), ids=HESSIANS)
def test_every_composition_gives_the_same_hessian(
    make: Callable[[], torch.nn.Module], transform: Callable[[Function, Tensor], Tensor]
) -> None:
    layer, x = _layer(make), _points(1, WIDTH)
    expected = torch.autograd.functional.hessian(lambda z: layer(z).sum(), x)
    assert isinstance(expected, Tensor)
    torch.testing.assert_close(transform(layer, x).detach(), expected, rtol=1e-8, atol=1e-10)


def _parameters(layer: torch.nn.Module) -> dict[str, Tensor]:
    return {name: part.detach() for name, part in layer.named_parameters()}


def _gradients(layer: torch.nn.Module, x: Tensor) -> dict[str, Tensor]:
    named = dict(layer.named_parameters())
    found = torch.autograd.grad(layer(x).square().sum(), list(named.values()))
    return dict(zip(named, found, strict=True))


def _close(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    for name, value in expected.items():
        torch.testing.assert_close(found[name].detach(), value, rtol=1e-9, atol=1e-11)


@every_layer
def test_gradients_by_parameters(make: Callable[[], torch.nn.Module]) -> None:
    layer, x = _layer(make), _points(3, WIDTH)
    expected = _gradients(layer, x)

    def loss(parameters: dict[str, Tensor], z: Tensor) -> Tensor:
        return functional_call(layer, parameters, (z,)).square().sum()

    parameters = _parameters(layer)
    _close(grad(loss)(parameters, x), expected)
    pull = vjp(loss, parameters, x)[1]
    _close(pull(torch.tensor(1.0).double())[0], expected)
    each = vmap(grad(loss), in_dims=(None, 0))(parameters, x.unsqueeze(1))
    _close({name: part.sum(0) for name, part in each.items()}, expected)
    changes = {name: torch.ones_like(part) for name, part in parameters.items()}
    slope = jvp(lambda p: loss(p, x), (parameters,), (changes,))[1]
    torch.testing.assert_close(slope, sum(part.sum() for part in expected.values()), rtol=1e-9, atol=1e-11)


@every_layer
def test_an_ensemble_is_each_of_its_members(make: Callable[[], torch.nn.Module]) -> None:
    members, x = [_layer(make) for _ in range(3)], _points(3, WIDTH)
    for k, member in enumerate(members):
        with torch.no_grad():
            for part in member.parameters():
                part.mul_(1 + 0.1 * k)
    parameters, buffers = stack_module_state(members)  # type: ignore[arg-type]

    def loss(own: dict[str, Tensor], fixed: dict[str, Tensor]) -> Tensor:
        return functional_call(members[0], (own, fixed), (x,)).square().sum()

    found = vmap(grad(loss))(parameters, buffers)
    for k, member in enumerate(members):
        _close({name: part[k] for name, part in found.items()}, _gradients(member, x))


_COMPILED = ("bspline", "network with functions", "rational layer", "rational convolution")  # the others take long


@pytest.mark.parametrize(
    "make", [pytest.param(make, marks=[] if name in _COMPILED else pytest.mark.slow) for name, make in LAYERS.items()],
    ids=LAYERS,
)  # fmt: skip
@pytest.mark.parametrize(
    "transform", [jacrev, vmap, lambda f: grad(lambda z: f(z).sum())], ids=["jacrev", "vmap", "grad"]
)
def test_compiled_transforms(make: Callable[[], torch.nn.Module], transform: Callable[[Function], Any]) -> None:
    layer, x = _layer(make), _points(2, WIDTH)
    expected = transform(layer)(x)
    torch.compiler.reset()
    compiled = torch.compile(lambda z: transform(lambda each: layer(each))(z), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), expected, rtol=1e-9, atol=1e-11)
