"""Grouped rational functions: the op in every mode of differentiation, and the layer made of it."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.bases import ACTIVATIONS, rational_start
from edgewise.kernels import RationalFamily, forced, prepare, rational
from edgewise.kernels import _rational as kernels

#: largest distance on [-4, 4] at degrees (5, 4)
CLOSE = {"identity": 1e-12, "silu": 1e-5, "gelu": 5e-3, "relu": 6e-2, "tanh": 2e-5, "sin": 2e-4}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def inputs(groups: int = 2, channels: int = 4, degrees: tuple[int, int] = (5, 4)) -> tuple[Tensor, Tensor, Tensor]:
    parts = normal(6, channels), normal(groups, degrees[0] + 1, seed=1), normal(groups, degrees[1], seed=2)
    return tuple(part.requires_grad_() for part in parts)  # type: ignore[return-value]


@pytest.mark.parametrize("degrees", [(5, 4), (3, 2), (1, 2), (2, 5)])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_values_follow_the_formula(groups: int, degrees: tuple[int, int]) -> None:
    x, a, b = (part.detach() for part in inputs(groups, 4, degrees))
    found = rational(x, a, b)
    for i in range(4):
        g = i // (4 // groups)
        top = np.polynomial.polynomial.polyval(x[:, i].numpy(), a[g].numpy())
        bottom = np.polynomial.polynomial.polyval(x[:, i].numpy(), np.concatenate([[0], b[g].numpy()]))
        np.testing.assert_allclose(found[:, i], top / (1 + abs(bottom)), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("degrees", [(5, 4), (3, 2), (1, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_of_first_and_second_order_in_both_modes(groups: int, degrees: tuple[int, int]) -> None:
    parts = inputs(groups, 4, degrees)
    assert torch.autograd.gradcheck(rational, parts, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(rational, parts, check_fwd_over_rev=True)


def test_third_derivatives_are_those_of_the_reference_which_torch_differentiates() -> None:
    parts = inputs()

    def slopes(f: Callable[..., Tensor]) -> list[Tensor]:
        found, value = [], f(*parts).sin().sum()
        for _ in range(3):
            several = torch.autograd.grad(value, parts, create_graph=True)
            value = sum((g / (1 + g.detach().abs().max())).sin().sum() for g in several)  # curved: all depends on all
            found += several
        return found

    for found, expected in zip(slopes(rational), slopes(kernels.plain_rational), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * float(expected.detach().abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("degrees", [(5, 4), (2, 5), (9, 2)])  # the last has no kernel
@pytest.mark.parametrize(("groups", "channels"), [(1, 1), (3, 51), (2, 64), (8, 136)])  # whole vectors and parts
def test_kernels_are_the_reference_in_values_and_gradients(
    groups: int, channels: int, degrees: tuple[int, int], dtype: torch.dtype
) -> None:
    coefficients = normal(groups, sum(degrees) + 1, seed=1).to(dtype).split((degrees[0] + 1, degrees[1]), 1)
    parts = [part.requires_grad_() for part in (normal(3, 67, channels).clamp(-1.5, 1.5).to(dtype), *coefficients)]
    weights = normal(3, 67, channels, seed=3).to(dtype)

    def outcome() -> list[Tensor]:
        value = rational(*parts)
        return [value, *torch.autograd.grad((weights * value).sum(), parts)]

    with forced(backend="reference"):
        expected = outcome()
    assert torch.equal(expected[0], kernels.plain_rational(*parts))
    tolerance = 1e-4 if dtype is torch.float32 else 1e-12
    for found, wanted in zip(outcome(), expected, strict=True):
        assert found.shape == wanted.shape and found.dtype is dtype
        assert float((found - wanted).detach().abs().max()) <= tolerance * float(wanted.detach().abs().max())


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of the kernels' functions are called."""
    names: list[str] = []
    for name in ("rational", "vjp"):
        plain = getattr(kernels, f"_compiled_{name}")
        spy = lambda *a, name=name, plain=plain: (names.append(name), plain(*a))[1]  # noqa: E731
        monkeypatch.setattr(kernels, f"_compiled_{name}", spy)
    return names


def test_kernels_run_where_nothing_differentiates_their_gradients(calls: list[str]) -> None:
    parts = inputs()
    torch.autograd.grad(rational(*parts).sum(), parts)
    assert calls == ["rational", "vjp"]
    calls.clear()
    torch.autograd.grad(rational(*parts).sum(), parts, create_graph=True)
    assert calls == ["rational"]
    calls.clear()
    with forced(backend="reference"):
        torch.autograd.grad(rational(*parts).sum(), parts)
    rational(*(part.half() for part in parts))
    rational(*(part.to("meta") for part in parts))
    torch.func.vmap(rational, (0, None, None))(*(part.detach() for part in parts))
    assert not calls


def test_kernels_count_the_corner_as_flat_and_keep_what_is_no_number() -> None:
    x = torch.tensor([[0.0, math.nan, 0.5]]).double().requires_grad_()
    a, b = torch.tensor([[1.0, 2.0]]).double(), torch.tensor([[3.0, 0.0]]).double().requires_grad_()
    value = rational(x, a, b)
    assert torch.isnan(value)[0].tolist() == [False, True, False]
    assert bool(torch.isnan(torch.autograd.grad(value.sum(), b)[0]).all())
    for_x, for_b = torch.autograd.grad(rational(x[:, :1], a, b).sum(), (x, b))
    assert (float(for_x[0, 0]), for_b.tolist()) == (2.0, [[0.0, 0.0]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_give_the_same_bits_on_any_number_of_threads(dtype: torch.dtype) -> None:
    parts = [part.to(dtype).requires_grad_() for part in (normal(600, 256), normal(8, 6), normal(8, 4))]

    def outcome(threads: int) -> list[Tensor]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            value = rational(*parts)
            return [value, *torch.autograd.grad(value.sum(), parts)]
        finally:
            torch.set_num_threads(before)

    assert all(torch.equal(one, several) for one, several in zip(outcome(1), outcome(3), strict=True))


def test_kernels_can_be_prepared(capfd: pytest.CaptureFixture[str]) -> None:
    prepare(RationalFamily(5, 4), torch.float32)
    capfd.readouterr()
    rational(torch.ones(1, 1), torch.ones(1, 6), torch.ones(1, 4))
    assert "compiling" not in capfd.readouterr().err


def test_transforms_agree_with_each_other() -> None:
    x, a, b = (part.detach() for part in inputs())
    forward, reverse = (mode(rational, (0, 1, 2))(x[0], a, b) for mode in (torch.func.jacfwd, torch.func.jacrev))
    torch.testing.assert_close(forward, reverse)
    mapped = torch.func.vmap(rational, (0, None, None))(x, a, b)
    torch.testing.assert_close(mapped, rational(x, a, b))
    members = [torch.stack([part, part.cos(), 0.5 * part]) for part in (a, b)]
    expected = torch.stack([rational(x, *pair) for pair in zip(*members, strict=True)])
    torch.testing.assert_close(torch.func.vmap(rational, (None, 0, 0))(x, *members), expected)
    hessian, crossed = torch.func.hessian, torch.func.jacrev(torch.func.jacfwd(lambda x: rational(x, a, b).sum()))
    torch.testing.assert_close(hessian(lambda x: rational(x, a, b).sum())(x[0]), crossed(x[0]))


@pytest.mark.parametrize("shape", [(0, 4), (4,), (1, 4), (2, 3, 4), (2, 0, 4)])
def test_any_leading_shape_and_its_gradients(shape: tuple[int, ...]) -> None:
    _, a, b = inputs()
    x = torch.zeros(shape, dtype=torch.float64) + 0.3
    out = rational(x.requires_grad_(), a, b)
    assert out.shape == shape
    gradients = torch.autograd.grad(out.sum(), (x, a, b))
    assert [g.shape for g in gradients] == [x.shape, a.shape, b.shape]


def test_denominators_never_vanish_and_no_number_stays_in_its_place() -> None:
    x = torch.linspace(-5, 5, 1001, dtype=torch.float64).unsqueeze(1)
    a, b = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.0, -1.0]]).double()  # 1 - x^2 without the bars
    assert float(rational(x, a, b).abs().max()) <= 1
    x = torch.tensor([[0.5], [math.nan], [0.5]]).double()
    assert torch.isnan(rational(x, a, b))[:, 0].tolist() == [False, True, False]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_starts_follow_their_activation(name: str) -> None:
    x = torch.linspace(-4, 4, 801, dtype=torch.float64).unsqueeze(1)
    a, b = rational_start(name, (5, 4))
    assert bool((b[1::2] > 0).all())
    assert not b[::2].any()
    error = (rational(x, a.unsqueeze(0), b.unsqueeze(0)) - ACTIVATIONS[name](x)).abs().max()
    assert float(error) < CLOSE[name]
    assert all(torch.equal(one, two) for one, two in zip(rational_start(name, (5, 4)), (a, b), strict=True))


@pytest.mark.parametrize("init", ACTIVATIONS)
def test_a_layer_hands_the_size_of_its_inputs_on(init: str) -> None:
    layer = ew.nn.RationalLayer(256, 256, init=init, generator=torch.Generator().manual_seed(0))
    x = normal(2000, 256, seed=1).float()
    with torch.no_grad():
        assert 0.9 < float(layer(x).square().mean()) < 1.1


@pytest.mark.parametrize("init", ACTIVATIONS)
def test_every_coefficient_of_a_fresh_layer_has_a_gradient(init: str) -> None:
    layer = ew.nn.RationalLayer(8, 3, groups=2, init=init, generator=torch.Generator().manual_seed(0))
    layer(normal(50, 8)).square().sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad is not None
        assert bool((parameter.grad != 0).all())


@pytest.mark.parametrize("given", [torch.bfloat16, torch.float32, torch.float64])
def test_inputs_of_any_type_and_autocast(given: torch.dtype) -> None:
    layer = ew.nn.RationalLayer(8, 3, generator=torch.Generator().manual_seed(0))
    x = normal(20, 8).to(given)
    assert torch.equal(layer(x), layer(x.float()))
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.bfloat16
    assert float((found.float() - layer(x)).detach().abs().max()) < 0.1


def test_layers_learn() -> None:
    torch_generator = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(
        ew.nn.RationalLayer(2, 16, groups=1, init="identity", generator=torch_generator),
        ew.nn.RationalLayer(16, 1, init="silu", generator=torch_generator),
    )
    x = 2 * torch.rand(400, 2, generator=torch_generator) - 1
    y = torch.sin(3 * x[:, :1]) * x[:, 1:]
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(600):
        optimiser.zero_grad()
        loss = (net(x) - y).square().mean()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.01 * float(y.var())


def test_state_and_pickles_come_back() -> None:
    layer = ew.nn.RationalLayer(8, 3, generator=torch.Generator().manual_seed(0))
    other = ew.nn.RationalLayer(8, 3, generator=torch.Generator().manual_seed(1))
    other.load_state_dict(layer.state_dict())
    x = normal(5, 8)
    assert torch.equal(other(x), layer(x))
    buffer = io.BytesIO()
    torch.save(layer, buffer)
    assert torch.equal(torch.load(io.BytesIO(buffer.getvalue()), weights_only=False)(x), layer(x))
    lines = [line.strip() for line in repr(layer).splitlines()]
    assert lines[1:3] == ["8 -> 3, groups=8, degrees=(5, 4), init='silu'", f"(linear): {layer.linear!r}"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_in": 0}, "'n_in' parameter of RationalLayer must be an int >= 1. Got 0"),
        ({"n_out": 1.0}, "'n_out' parameter"),
        ({"groups": 3}, "'groups' parameter of RationalLayer must divide the 8 inputs. Got 3"),
        ({"degrees": (5, 1)}, "'degrees' parameter"),
        ({"degrees": 5}, "'degrees' parameter"),
        ({"init": "sillu"}, "Unknown activation 'sillu'. Known: silu,"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ew.InputError) as caught:
        ew.nn.RationalLayer(**{"n_in": 8, "n_out": 3, **arguments})
    assert words in str(caught.value)
    with pytest.raises(ew.InputError, match="takes inputs of shape"):
        ew.nn.RationalLayer(8, 3)(torch.zeros(5, 7))
