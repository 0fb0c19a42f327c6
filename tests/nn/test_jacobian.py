"""The layer-wise Jacobian against torch's own derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.nn import Layout, Pass


def rows(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2.6 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.3


def written(model: ew.KAN, layout: Layout, vector: Tensor) -> dict[str, Tensor]:
    """The network's parameters with the flat vector in its places, differentiably; the layout spelled out again."""
    parameters = {name: value.detach().clone() for name, value in model.named_parameters()}
    for number, (layer, block) in enumerate(zip(model.layers, layout.blocks, strict=True)):
        entries = iter(range(block.start, block.stop))
        count = layer.coefficients.shape[-1]
        for j, i in block.spline.tolist():
            for k in range(count):
                parameters = put(parameters, f"layers.{number}.coefficients", (j, i, k), vector[next(entries)])
            if layer.base is not None:
                parameters = put(parameters, f"layers.{number}.base_weight", (j, i), vector[next(entries)])
        for j, i, which in block.affine.tolist():
            parameters = put(parameters, f"layers.{number}.affine", (j, i, which), vector[next(entries)])
        assert next(entries, None) is None
    return parameters


def put(parameters: dict[str, Tensor], name: str, place: tuple[int, ...], value: Tensor) -> dict[str, Tensor]:
    index = [torch.tensor(p) for p in place]
    return {**parameters, name: parameters[name].index_put(index, value)}


CASES: list[tuple[list[Any], str | None]] = [
    ([1, 1], None),
    ([2, 3, 2], "silu"),
    ([2, (2, 1), 1], None),
    ([2, (1, [3]), (1, 1)], "identity"),
    ([2, (0, [2, 3, 4]), 2], None),
    ([3, 2, (1, [2]), 2], "silu"),
    ([2, 2, 2, 2, 1], None),
]


@pytest.mark.parametrize(("widths", "base"), CASES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_jacobian_is_torchs(widths: list[Any], base: str | None, seed: int, mixed_network) -> None:
    model = mixed_network(widths, seed=seed, base=base, grid=3)
    layout = Layout(model)
    vector = layout.read(model)
    assert vector.shape == (layout.size,)
    x = rows(9, model.n_in)

    def call(vector: Tensor) -> Tensor:
        return torch.func.functional_call(model, written(model, layout, vector), (x,))

    torch.testing.assert_close(call(vector), model(x), rtol=1e-13, atol=1e-13)
    with torch.no_grad():
        found = Pass(model, x).jacobian(layout)
    assert found.shape == (9, model.n_out, layout.size)
    torch.testing.assert_close(found, torch.func.jacrev(call)(vector), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("widths", "base"), CASES)
def test_jacobian_is_the_limit_of_differences(widths: list[Any], base: str | None, mixed_network) -> None:
    """Through Layout.write, which the solver uses."""
    model = mixed_network(widths, seed=4, base=base, grid=3)
    layout = Layout(model)
    vector = layout.read(model)
    x = rows(5, model.n_in)
    with torch.no_grad():
        found = Pass(model, x).jacobian(layout)
        work = ew.nn.clone(model)
        for k in range(0, layout.size, 3):
            step = 1e-6 * torch.eye(layout.size, dtype=torch.float64)[k]
            values = []
            for end in (vector + step, vector - step):
                layout.write(work, end)
                values.append(work(x))
            difference = (values[0] - values[1]) / 2e-6
            torch.testing.assert_close(found[..., k], difference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("widths", "base"), CASES)
def test_input_gradient_is_torchs(widths: list[Any], base: str | None, mixed_network) -> None:
    model = mixed_network(widths, seed=5, base=base)
    x = rows(9, model.n_in)
    expected = torch.func.vmap(torch.func.jacrev(model))(x)
    torch.testing.assert_close(Pass(model, x).input_gradient(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("widths", "base"), CASES)
def test_a_pass_gives_what_forward_gives(widths: list[Any], base: str | None, mixed_network) -> None:
    model = mixed_network(widths, seed=6, base=base)
    x = rows(9, model.n_in)
    torch.testing.assert_close(Pass(model, x).outputs, model(x), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("base", [None, "silu"])
def test_reading_what_was_written(base: str | None, mixed_network) -> None:
    model = mixed_network([2, (2, [3]), 1], base=base)
    layout = Layout(model)
    vector = torch.arange(layout.size, dtype=torch.float64)
    other = ew.nn.clone(model)
    layout.write(other, vector)
    assert torch.equal(layout.read(other), vector)
    layout.write(other, layout.read(model))
    assert torch.equal(other(rows(9, 2)), model(rows(9, 2)))


def test_only_what_may_move_is_in_the_layout() -> None:
    model = ew.KAN([2, 2, 1], grid=5)
    assert Layout(model).size == 6 * 8
    assert Layout(ew.KAN([2, 2, 1], grid=5, base="silu")).size == 6 * 9
    model = ew.nn.set_function(model, 0, 0, 0, "sin")
    assert Layout(model).size == 5 * 8 + 4
    model.layers[0].affine_free[0, 0] = torch.tensor([True, False, True, False])
    assert Layout(model).size == 5 * 8 + 2
    model = ew.nn.remove_edges(model, [(0, 0, 0), (0, 1, 1)])
    assert Layout(model).size == 4 * 8
    assert Layout(ew.nn.remove_edges(ew.KAN([1, 1]), [(0, 0, 0)])).size == 0


def test_frozen_constants_stay_when_the_vector_is_written() -> None:
    model = ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin", (2.0, 0.5, 1.0, 0.25))
    model.layers[0].affine_free[0, 0] = torch.tensor([True, False, True, False])
    layout = Layout(model)
    layout.write(model, torch.tensor([7.0, 9.0], dtype=torch.float64))
    assert model.layers[0].affine[0, 0].tolist() == [7.0, 0.5, 9.0, 0.25]
