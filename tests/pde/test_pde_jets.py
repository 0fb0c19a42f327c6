"""Jets: arithmetic, and what a network does to them, against torch's automatic derivatives."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.func import hessian, jacrev

import edgewise as ew
from edgewise.nn import Layout, set_function
from edgewise.pde import Box, Jet, JetPass, Problem, periodic

NAMES = ("x", "y")


def _points(n: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.2 + 0.7 * torch.rand(n, 2, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x * y + 3 - 2 * x,
        lambda x, y: torch.sin(x) * torch.exp(y) / (1 + x * x),
        lambda x, y: torch.sqrt(x) ** 3 - torch.log(x * y),
        lambda x, y: torch.tanh(x - y) + torch.cosh(x) * torch.sinh(y),
        lambda x, y: 1 / (x + y) - torch.cos(torch.square(x)),
        lambda x, y: (x - y) ** 2 * 0.5,
    ],
)
def test_arithmetic_gives_the_derivatives_that_autograd_gives(function) -> None:
    points = _points()
    jets = Jet.coordinates(points, NAMES)
    found = function(jets["x"], jets["y"])

    def plain(z: Tensor) -> Tensor:
        return function(z[0], z[1])

    for k, z in enumerate(points):
        torch.testing.assert_close(found.value[k], plain(z))
        torch.testing.assert_close(found.gradient[k], jacrev(plain)(z))
        torch.testing.assert_close(found.hessian[k], hessian(plain)(z))


@given(a=st.floats(-3, 3), b=st.floats(0.1, 3))
def test_jets_and_numbers_mix_from_either_side(a: float, b: float) -> None:
    x = Jet.coordinates(_points(), NAMES)["x"]
    for left, right in ((a + x, x + a), (a - x, -(x - a)), (a * x, x * a), (b / (x + 4), b * (x + 4) ** -1)):
        torch.testing.assert_close(left.value, right.value)
        torch.testing.assert_close(left.hessian, right.hessian)


def test_tensors_count_as_constants_from_either_side() -> None:
    x = Jet.coordinates(_points(), NAMES)["x"]
    c = torch.tensor(1.7, dtype=torch.float64)
    rows = torch.linspace(1, 2, 6, dtype=torch.float64)
    for t in (c, rows):
        pairs = [(t + x, x + t), (t - x, -(x - t)), (t * x, x * t), (t / x, x**-1 * t), (x / t, x * (1 / t))]
        for left, right in pairs:
            assert isinstance(left, Jet)
            torch.testing.assert_close(left.value, right.value)
            torch.testing.assert_close(left.gradient, right.gradient)
            torch.testing.assert_close(left.hessian, right.hessian)


def test_derivatives_have_the_names_of_coordinates() -> None:
    jets = Jet.coordinates(_points(), NAMES)
    u = jets["x"] ** 2 * jets["y"]
    torch.testing.assert_close(u.xy, 2 * jets["x"].value)
    torch.testing.assert_close(u.d("y", "x"), u.xy)
    assert copy.copy(u).names == NAMES
    with pytest.raises(AttributeError, match="coordinates x, y"):
        u.xz  # noqa: B018
    with pytest.raises(ew.InputError, match="as a system"):
        u.d("x", "x", "x", "x", "x")
    with pytest.raises(ew.InputError, match=r"order=3"):
        u.d("x", "x", "x")
    with pytest.raises(ew.InputError, match="no coordinate 'q'"):
        u.d("q")


def test_an_unknown_torch_function_is_named() -> None:
    with pytest.raises(ew.InputError, match="torch's floor"):
        torch.floor(Jet.coordinates(_points(), NAMES)["x"])  # type: ignore[arg-type]


def _network(widths, symbolic: bool = False) -> ew.KAN:
    model = ew.KAN(widths, degree=5, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.layers:
            layer.coefficients.copy_(0.5 * torch.randn(layer.coefficients.shape, generator=generator).double())
    return set_function(model, 0, 0, 1, "sin", affine=(1.3, 0.2, 0.7, 0.1)) if symbolic else model


SHAPES = [([2, 3, 1], False), ([2, (2, [2, 3]), 2], False), ([2, 3, 1], True)]
FOURTH = ((0, 0, 0, 1), (0, 0, 1, 1))


def _derivative(function, z: Tensor, order: tuple[int, ...]) -> Tensor:
    """One derivative of a function of two numbers by autograd, nested."""
    if not order:
        return function(z)
    direction = torch.eye(2, dtype=torch.float64)[order[-1]]
    return torch.func.jvp(lambda w: _derivative(function, w, order[:-1]), (z,), (direction,))[1]


@pytest.mark.parametrize(
    ("widths", "symbolic"), [*(pytest.param(*s, marks=pytest.mark.slow) for s in SHAPES[:2]), *SHAPES[2:]]
)
def test_a_pass_gives_the_derivatives_that_autograd_gives(widths, symbolic: bool) -> None:
    model, points = _network(widths, symbolic), _points()
    outputs = JetPass(model, points, FOURTH).outputs

    def plain(z: Tensor) -> Tensor:
        return model(z.unsqueeze(0))[0]

    assert {(), (0,), (1,), (0, 0), (0, 1), (1, 1), (0, 0, 0), (0, 0, 1), (0, 1, 1), *FOURTH} == set(outputs)
    torch.testing.assert_close(outputs[()], model(points))
    for order in [(1,), (0, 1), (0, 0, 0), (0, 1, 1), *FOURTH]:
        torch.testing.assert_close(outputs[order], torch.stack([_derivative(plain, z, order) for z in points]))


@pytest.mark.parametrize("orders", [None, FOURTH], ids=["second", "fourth"])
@pytest.mark.parametrize(("widths", "symbolic"), SHAPES)
def test_the_jacobian_is_that_of_differences(widths, symbolic: bool, orders) -> None:
    model, points = _network(widths, symbolic), _points()
    layout = Layout(model)
    start = layout.read(model)
    generator = torch.Generator().manual_seed(2)
    outputs = JetPass(model, points, orders).outputs
    weights = {order: torch.randn(part.shape, generator=generator).double() for order, part in outputs.items()}

    def number(theta: Tensor) -> Tensor:
        layout.write(model, theta)
        parts = JetPass(model, points, orders).outputs
        return torch.stack([(weights[order] * part).sum(1) for order, part in parts.items()]).sum(0)

    found = JetPass(model, points, orders).jacobian(layout, weights)
    step = 1e-6
    columns = [
        (number(start + step * e) - number(start - step * e)) / (2 * step) for e in torch.eye(len(start)).double()
    ]
    scale = float(found.detach().abs().max())
    torch.testing.assert_close(found / scale, torch.stack(columns, dim=1) / scale, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("function", [torch.erf, torch.atan, torch.sigmoid, torch.tan, torch.exp, lambda x: x**-1.5])
def test_compositions_go_up_to_fourth_order(function) -> None:
    x = Jet.coordinates(_points(), NAMES, [(0, 0, 0, 1)])
    found = function(x["x"] * x["y"] + 0.3)
    for order in ((0, 0, 0, 1), (0, 0, 1)):
        expected = [_derivative(lambda w: function(w[0] * w[1] + 0.3), z, order) for z in _points()]
        torch.testing.assert_close(found.parts[order], torch.stack(expected))


def test_a_problem_knows_which_derivatives_it_reads() -> None:
    box = Box(t=(0, 1), x=(0, 1))
    kdv = Problem(box, lambda u, p: u.t + (u * u * 0.5).x + u.xxx, [periodic(box, "x")])
    assert kdv.orders == [(), (0,), (1,), (1, 1), (1, 1, 1)]
