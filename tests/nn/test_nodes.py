"""Nodes: widths read and written, sums and products, their derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
import torch
from torch import Tensor

import edgewise as ew
from edgewise.nn import Nodes, derivatives
from edgewise.pde import Jet


def rows(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2.4 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.2


@pytest.mark.parametrize(
    ("width", "sums", "arities", "spelled"),
    [
        (3, 3, (), 3),
        ((3, 0), 3, (), 3),
        ((3, 2), 3, (2, 2), (3, 2)),
        ((0, 1), 0, (2,), (0, 1)),
        ((1, [2, 2]), 1, (2, 2), (1, 2)),
        ((1, [3]), 1, (3,), (1, [3])),
        ((2, (4, 2, 3)), 2, (4, 2, 3), (2, [4, 2, 3])),
        ([2, 1], 2, (2,), (2, 1)),
    ],
)
def test_widths_are_read_and_written(width: Any, sums: int, arities: tuple[int, ...], spelled: Any) -> None:
    nodes = Nodes.parse(width)
    assert nodes == Nodes(sums, arities)
    assert nodes.width == spelled
    assert Nodes.parse(nodes.width) == nodes
    assert (nodes.n_nodes, nodes.n_subnodes) == (sums + len(arities), sums + sum(arities))


BAD_WIDTHS = [0, -1, True, 2.0, "3", None, (0, 0), (-1, 2), (2, -1), (2, [1]), (2, [2, 0]), (2, [2.0]), (1, 2, 3),
              (2, True), (0, []), (2, "22"), (2, None), (2.0, 1), (2, [True]), ()]  # fmt: skip


@pytest.mark.parametrize("width", BAD_WIDTHS, ids=repr)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_bad_widths_are_refused(width: Any, place: int) -> None:
    widths: list[Any] = [2, 3, 1]
    widths[place] = width
    with pytest.raises(ew.InputError, match=r"width") as caught:
        ew.KAN(widths)
    assert "\n" not in str(caught.value)
    assert repr(width) in str(caught.value)


@pytest.mark.parametrize("widths", [[], [2], "21", 3, None, [(2, 1), 1], 2.5], ids=repr)
def test_bad_lists_of_widths_are_refused(widths: Any) -> None:
    with pytest.raises(ew.InputError, match="width"):
        ew.KAN(widths)


NODES = [(0, [2]), (1, [2]), (2, [3]), (0, [4]), (1, [2, 3]), (3, [4, 2]), (1, [2, 3, 4]), (0, [4, 4, 2]), (2, 3)]


@pytest.mark.parametrize("width", NODES, ids=str)
@pytest.mark.parametrize("last", [False, True])
def test_product_nodes_multiply_consecutive_subnodes(width: Any, last: bool) -> None:
    model = ew.KAN([2, width] if last else [2, width, 1], seed=1)
    x = rows(9, 2)
    first = model.layers[0](x)
    sums, products = width
    arities = [2] * products if isinstance(products, int) else products
    nodes = [first[:, j] for j in range(sums)]
    start = sums
    for arity in arities:
        node = torch.ones_like(nodes[0]) if nodes else torch.ones(len(x), dtype=torch.float64)
        for j in range(start, start + arity):
            node = node * first[:, j]
        nodes.append(node)
        start += arity
    assert start == first.shape[1]
    h = torch.stack(nodes, dim=1)
    torch.testing.assert_close(model(x), h if last else model.layers[1](h))


@pytest.mark.parametrize("width", NODES, ids=str)
def test_vjp_is_the_transposed_derivative(width: Any) -> None:
    nodes = Nodes.parse(width)
    subnodes = rows(6, nodes.n_subnodes)
    subnodes[0, 0] = 0.0
    slopes = torch.stack([rows(6, nodes.n_nodes, seed) for seed in range(3)], dim=1)
    jacobian = torch.func.vmap(torch.func.jacrev(nodes.combine))(subnodes)
    torch.testing.assert_close(nodes.vjp(subnodes, slopes), slopes @ jacobian)


@pytest.mark.parametrize("width", NODES, ids=str)
def test_jets_are_the_derivatives_of_combined_functions(width: Any) -> None:
    nodes = Nodes.parse(width)
    weights = rows(nodes.n_subnodes, 2)

    def subnodes(x: Tensor) -> Tensor:
        return torch.sin(weights @ x) + (weights.flip(1) @ x) ** 2

    def jets(function: Any) -> Any:
        parts = (function, torch.func.jacrev(function), torch.func.hessian(function))
        return Jet.of(*(torch.func.vmap(part)(x) for part in parts), ("a", "b")).parts

    x = rows(5, 2, 1)
    torch.testing.assert_close(nodes.jets(jets(subnodes)), jets(lambda x: nodes.combine(subnodes(x))))


@pytest.mark.parametrize("width", NODES, ids=str)
def test_formulas_have_the_values_of_the_nodes(width: Any) -> None:
    nodes = Nodes.parse(width)
    subnodes, symbols = rows(6, nodes.n_subnodes), sympy.symbols(f"s:{nodes.n_subnodes}")
    formulas = nodes.formulas(symbols)
    for row, expected in zip(subnodes.tolist(), nodes.combine(subnodes).tolist(), strict=True):
        values = dict(zip(symbols, row, strict=True))
        assert [float(formula.subs(values)) for formula in formulas] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    "function", [torch.sin, torch.exp, torch.ones_like, lambda z: 2 * z], ids=["sin", "exp", "one", "line"]
)
def test_derivatives_are_differences_of_the_order_before(function: Any, order: int) -> None:
    z, step = rows(4, 3), 1e-5
    beside = [derivatives(function, z + sign * step, order - 1)[-1] for sign in (1, -1)]
    torch.testing.assert_close(
        derivatives(function, z, order)[-1], (beside[0] - beside[1]) / (2 * step), rtol=1e-6, atol=1e-6
    )


def test_trace_holds_what_forward_computes(mixed_network) -> None:
    model = mixed_network([2, (2, [3]), 1], base="identity")
    x = rows(8, 2)
    found = ew.nn.trace(model, x)
    assert torch.equal(found.inputs[0], x)
    torch.testing.assert_close(found.outputs, model(x))
    h = x
    for number, (layer, nodes) in enumerate(zip(model.layers, model.nodes[1:], strict=True)):
        torch.testing.assert_close(found.edges[number].sum(-1), layer(h))
        torch.testing.assert_close(found.subnodes[number], layer(h))
        assert not found.edges[number][:, ~layer.mask].any()
        h = nodes.combine(layer(h))
