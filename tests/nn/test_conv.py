"""Convolutions of functions are layers of edges on unfolded inputs: values, gradients, parts, and what they refuse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from unfolding import expected

import edgewise as ew
from edgewise.bases import BASES, Basis
from edgewise.kernels import Backend
from edgewise.nn import KANConv1d, KANConv2d, KANConv3d, RationalConv1d, RationalConv2d, RationalConv3d

KAN = {1: KANConv1d, 2: KANConv2d, 3: KANConv3d}
RATIONAL = {1: RationalConv1d, 2: RationalConv2d, 3: RationalConv3d}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(kind: type, *sizes: Any, **settings: Any) -> Any:
    """A convolution in double precision whose functions and biases all differ from zero."""
    conv = kind(*sizes, dtype=torch.float64, generator=seeded(), **settings)
    with torch.no_grad():
        for number, parameter in enumerate(conv.parameters()):
            parameter.add_(0.3 * torch.randn(parameter.shape, dtype=torch.float64, generator=seeded(number)))
    return conv


def images(*shape: int, seed: int = 1) -> Tensor:
    """Inputs within the range of the functions and beyond it."""
    return 3 * torch.rand(shape, dtype=torch.float64, generator=seeded(seed)) - 1.5


@st.composite
def geometries(draw: st.DrawFn) -> tuple[int, dict[str, Any], tuple[int, ...]]:
    """A number of dimensions, arguments of a convolution, and a shape (n, channels, ...) that it takes."""
    dimensions = draw(st.integers(1, 3))

    def sizes(least: int, most: int) -> st.SearchStrategy[Any]:
        each = st.tuples(*[st.integers(least, most)] * dimensions)
        return st.integers(least, most) | each

    same = draw(st.booleans())
    groups, inputs, outputs = draw(st.sampled_from([1, 2, 3])), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    given = {
        "kernel_size": draw(sizes(1, 3)),
        "stride": 1 if same else draw(sizes(1, 3)),
        "padding": draw(st.sampled_from(["same", "valid"])) if same else draw(sizes(0, 2)),
        "dilation": draw(sizes(1, 2)),
        "groups": groups,
        "padding_mode": draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
        "bias": draw(st.booleans()),
    }
    given |= {"in_channels": groups * inputs, "out_channels": groups * outputs}
    space = draw(st.tuples(*[st.integers(5, 7)] * dimensions))
    return dimensions, given, (draw(st.integers(1, 3)), groups * inputs, *space)


@fuzz(60)
@given(geometries(), st.sampled_from([*BASES, "rational"]), st.sampled_from([None, "silu", "identity"]))
def test_every_geometry_is_unfolding_and_a_layer(case: Any, basis: str, base: Any) -> None:
    dimensions, given, shape = case
    functions = {} if basis == "rational" else {"basis": basis, "base": base, "grid": 3}
    conv = build((RATIONAL if functions == {} else KAN)[dimensions], **given, **functions)
    x = images(*shape)
    found, wanted = conv(x), expected(conv, x)
    assert found.shape == wanted.shape
    assert float((found - wanted).detach().abs().max()) < 1e-12 * max(1.0, float(wanted.detach().abs().max()))
    ordinary: Any = getattr(torch.nn, f"Conv{dimensions}d")
    assert ordinary(**given, dtype=torch.float64)(x).shape == found.shape


@pytest.mark.parametrize("entries", [1, 100, 700])
@pytest.mark.parametrize("kind", [KANConv2d, RationalConv2d])
@pytest.mark.parametrize("sizes", [{"stride": 2, "padding": 1, "groups": 2}, {"dilation": (2, 1), "padding": "same"}])
def test_parts_give_the_values_and_gradients_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, kind: type, sizes: dict[str, Any], entries: int
) -> None:
    conv, x = build(kind, 4, 6, (3, 2), bias=True, **sizes), images(3, 4, 8, 7).requires_grad_()
    weights = images(*conv(x).shape, seed=2)

    def outcome() -> list[Tensor]:
        y = conv(x)
        return [y, *torch.autograd.grad((weights * y).sum(), [x, *conv.parameters()])]

    whole = outcome()
    monkeypatch.setattr(Backend, "entries", entries)
    for part, wanted in zip(outcome(), whole, strict=True):
        torch.testing.assert_close(part, wanted, rtol=1e-12, atol=1e-12)


@dataclass(frozen=True)
class Counting(Basis):
    """Powers of t, and how many values were written out at a time."""

    written: list[int] = field(default_factory=list, compare=False)
    name, max_grid = "counting", 10

    def count(self, grid: int) -> int:
        return grid + 1

    def grid(self, count: int) -> int:
        return count - 1

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        self.written.append(x.numel() * count)
        powers, factor = torch.arange(count), torch.ones(count, dtype=x.dtype)
        for d in range(order):
            factor = factor * (powers - d)
        scale = (2 / (hi - lo)).unsqueeze(-1) ** order
        return factor * scale * ((2 * x - lo - hi) / (hi - lo)).unsqueeze(-1) ** (powers - order).clamp(min=0)


@pytest.mark.parametrize(("shape", "bound"), [((40, 2, 10, 10), 2000), ((2, 2, 60, 10), 2000)])
def test_no_more_values_than_the_bound_are_written_out(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], bound: int
) -> None:
    """Neither of many images nor of a large one, forward or backward; and a basis of a user's own works."""
    basis = Counting()
    conv, x = build(KANConv2d, 2, 3, 3, basis=basis, grid=3, padding=1), images(*shape).requires_grad_()
    wanted = expected(conv, x)
    monkeypatch.setattr(Backend, "entries", bound)
    basis.written.clear()
    y = conv(x)
    y.sum().backward()
    torch.testing.assert_close(y, wanted)
    assert max(basis.written) <= bound
    assert sum(basis.written) > 4 * bound


@pytest.mark.parametrize("basis", [*BASES, "rational"])
def test_gradients_of_first_and_second_order(basis: str) -> None:
    functions = {} if basis == "rational" else {"basis": basis, "grid": 2, "base": "silu"}
    conv = build(RationalConv1d if functions == {} else KANConv1d, 2, 2, 2, padding=1, bias=True, **functions)
    names = [name for name, _ in conv.named_parameters()]

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(conv, dict(zip(names, parameters, strict=True)), (x,))

    inputs = images(2, 2, 3).requires_grad_(), *(p.detach().clone().requires_grad_() for p in conv.parameters())
    assert torch.autograd.gradcheck(run, inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(run, inputs)


def test_second_gradients_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    conv = build(KANConv2d, 1, 2, 2, grid=2, base=None)
    monkeypatch.setattr(Backend, "entries", 20)
    assert torch.autograd.gradgradcheck(conv, images(2, 1, 3, 3).requires_grad_())


def test_a_zero_of_the_padding_adds_the_functions_at_zero() -> None:
    conv = build(KANConv1d, 1, 1, 3, padding=1)
    x = torch.zeros(1, 1, 4, dtype=torch.float64)
    y = conv(x)[0, 0]
    assert float((y - y[0]).detach().abs().max()) < 1e-12  # the edge is as the middle
    assert bool(y[0] != 0)


def test_the_parameters_and_defaults_are_those_said() -> None:
    conv = KANConv2d(4, 6, (3, 5), groups=2, grid=5, bias=True)
    shapes = {name: tuple(p.shape) for name, p in conv.named_parameters()}
    assert shapes == {"coefficients": (6, 2, 8, 3, 5), "base_weight": (6, 2, 3, 5), "bias": (6,)}
    assert tuple(conv.knots.shape) == (4, 12)
    assert dict(KANConv2d(1, 1, 1, base=None).named_parameters()).keys() == {"coefficients"}
    rational = RationalConv2d(16, 6, 3, bias=False)
    shapes = {name: tuple(p.shape) for name, p in rational.named_parameters()}
    assert shapes == {"weight": (6, 16, 3, 3), "activation.numerator": (8, 6), "activation.denominator": (8, 4)}
    assert "grid=5" in repr(conv) and "groups=2" in repr(conv)


@pytest.mark.parametrize("kind", [KANConv2d, RationalConv2d])
def test_inputs_without_a_batch_none_at_all_and_channels_last(kind: type) -> None:
    conv, x = build(kind, 4, 3, 3, padding=1), images(2, 4, 6, 5)
    y = conv(x)
    torch.testing.assert_close(conv(x[0]), y[0])
    assert conv(x[:0]).shape == (0, 3, 6, 5)
    assert y.is_contiguous()
    last = conv(x.to(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last, y)
    torch.testing.assert_close(conv(x.flip(-1).flip(-1)), y)


@pytest.mark.parametrize("init", ["variance", "noise", "power", "smooth"])
def test_a_fresh_convolution_draws_as_a_layer_of_its_inputs(init: Any) -> None:
    conv = KANConv2d(3, 5, 3, init=init, generator=seeded(3), dtype=torch.float64)
    layer = ew.nn.KANLayer(27, 5, init=init, generator=seeded(3), dtype=torch.float64)
    assert torch.equal(conv.coefficients.movedim(2, -1).flatten(1, -2), layer.coefficients)
    assert conv.base_weight is not None and torch.equal(conv.base_weight.flatten(1), layer.base_weight)
    before = conv.coefficients.detach().clone()
    conv.reset_parameters(seeded(4))
    assert not torch.equal(conv.coefficients, before)
    conv.reset_parameters(seeded(3))
    assert torch.equal(conv.coefficients, before)


@pytest.mark.parametrize("init", ["silu", "identity"])
def test_a_rational_convolution_hands_the_size_of_its_inputs_on(init: Any) -> None:
    conv = RationalConv2d(32, 64, 3, init=init, generator=seeded())
    x = torch.randn(8, 32, 12, 12, generator=seeded(1))
    assert 0.9 < float(conv(x).detach().square().mean()) < 1.1


def test_many_channels_hand_the_variance_on() -> None:
    conv = KANConv2d(16, 32, 3, init="variance", base=None, generator=seeded())
    x = 2 * torch.rand(8, 16, 12, 12, generator=seeded(1)) - 1
    assert 0.8 < float(conv(x).detach().var() / x.var()) < 1.25


WRONG = {
    "channels": lambda: KANConv2d(0, 4, 3),
    "groups": lambda: KANConv2d(3, 4, 3, groups=2),
    "no int": lambda: KANConv2d(3, 4, 3.0),  # type: ignore[arg-type]
    "too many sizes": lambda: KANConv2d(3, 4, (3, 3, 3)),
    "truth value": lambda: KANConv2d(3, 4, 3, stride=True),
    "stride": lambda: KANConv2d(3, 4, 3, stride=0),
    "padding": lambda: KANConv2d(3, 4, 3, padding=-1),
    "padding by name": lambda: KANConv2d(3, 4, 3, padding="full"),
    "same with steps": lambda: KANConv2d(3, 4, 3, padding="same", stride=2),
    "mode": lambda: KANConv2d(3, 4, 3, padding_mode="constant"),  # type: ignore[arg-type]
    "basis": lambda: KANConv2d(3, 4, 3, basis="wavelet"),  # type: ignore[arg-type]
    "dtype": lambda: KANConv2d(3, 4, 3, dtype=torch.int64),
    "functions": lambda: RationalConv2d(3, 4, 3, functions=2),
    "init": lambda: RationalConv2d(3, 4, 3, init="swish"),  # type: ignore[arg-type]
    "array": lambda: KANConv2d(3, 4, 3)(torch.zeros(2, 3, 8, 8).numpy()),
    "complex": lambda: KANConv2d(3, 4, 3)(torch.zeros(2, 3, 8, 8, dtype=torch.complex64)),
    "dimensions": lambda: KANConv2d(3, 4, 3)(torch.zeros(3, 8)),
    "wrong channels": lambda: RationalConv2d(3, 4, 3)(torch.zeros(2, 4, 8, 8)),
    "too small": lambda: KANConv2d(3, 4, 3, dilation=2)(torch.zeros(2, 3, 4, 8)),
    "reflected too far": lambda: KANConv1d(3, 4, 3, padding=5, padding_mode="reflect")(torch.zeros(2, 3, 5)),
    "around too far": lambda: KANConv1d(3, 4, 3, padding=6, padding_mode="circular")(torch.zeros(2, 3, 5)),
    "no edge": lambda: KANConv1d(3, 4, 3, padding=6, padding_mode="replicate")(torch.zeros(2, 3, 0)),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_in_one_line(what: str) -> None:
    with pytest.raises(ew.InputError) as caught:
        WRONG[what]()
    assert "\n" not in str(caught.value)
