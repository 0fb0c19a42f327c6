"""Operations that return new networks: what they change, what they keep, and that the old one stays as it was."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import edgewise as ew
from edgewise import nn
from edgewise.bases import HIGHEST_DEGREE
from edgewise.nn import adapt_grid, clone, compact, refine_grid, remove_edges, scale_outputs, set_function


def rows(n: int, d: int, seed: int = 0, size: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return size * (2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1)


WIDTHS = [2, (2, [3]), (1, 1)]
OPERATIONS: dict[str, Callable[[ew.KAN], ew.KAN]] = {
    "clone": clone,
    "clone to float32": lambda model: clone(model, torch.float32),
    "set_function": lambda model: set_function(model, 0, 1, 0, "sin", (2.0, 0.0, 1.0, 0.0)),
    "remove_edges": lambda model: remove_edges(model, [(0, 0, 0), (1, 2, 1)]),
    "refine_grid": lambda model: refine_grid(model, 3),
    "adapt_grid": lambda model: adapt_grid(model, rows(50, 2, size=2.0), 7),
    "scale_outputs": lambda model: scale_outputs(model, torch.tensor([2.0, -3.0])),
    "compact": lambda model: compact(remove_edges(model, [(0, 0, 0), (0, 0, 1)]), rows(50, 2)),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_the_old_network_stays_as_it_was(operation, mixed_network, empty_folder, quiet) -> None:
    model = mixed_network(WIDTHS, base="silu")
    x = rows(20, 2)
    before = copy.deepcopy(model.state_dict()), model(x), copy.deepcopy([layer.symbols for layer in model.layers])
    new = operation(model)
    assert isinstance(new, ew.KAN)
    assert new is not model
    with torch.no_grad():
        for tensor in [*new.parameters(), *new.buffers()]:
            tensor.zero_()
    for layer in new.layers:
        layer.symbols.clear()
    assert torch.equal(model(x), before[1])
    assert [layer.symbols for layer in model.layers] == before[2]
    assert model.widths == [2, (2, [3]), (1, 1)]
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[0][name]) if isinstance(value, Tensor) else value == before[0][name]


@given(
    degree=st.integers(1, HIGHEST_DEGREE),
    grid=st.integers(1, 8),
    factor=st.integers(1, 4),
    base=st.sampled_from([None, "silu"]),
    seed=st.integers(0, 100),
)
def test_refining_leaves_the_function_as_it_was(
    degree: int, grid: int, factor: int, base: str | None, seed: int
) -> None:
    model = ew.KAN([2, (2, [3]), 1], grid=grid, degree=degree, base=base, seed=seed)
    new = refine_grid(model, factor)
    assert [layer.grid for layer in new.layers] == [factor * grid] * 2
    x = rows(100, 2, seed, size=1.5)
    y = model(x).detach()
    assert float((new(x).detach() - y).abs().max()) < 1e-12 * max(1.0, float(y.abs().max()))


def test_refining_twice_is_refining_by_the_product(mixed_network) -> None:
    model = mixed_network(WIDTHS)
    x = rows(50, 2)
    torch.testing.assert_close(refine_grid(refine_grid(model, 2), 3)(x), refine_grid(model, 6)(x))


@pytest.mark.parametrize("factor", [0, -1, 1.5, "2", True])
def test_refining_by_less_than_one_is_refused(factor: Any) -> None:
    with pytest.raises(ew.InputError, match="factor"):
        refine_grid(ew.KAN([1, 1]), factor)


@pytest.mark.parametrize("quantiles", [0.0, 0.5, 0.95])
def test_adapting_moves_every_layers_knots_to_its_inputs(quantiles: float) -> None:
    model = refine_grid(ew.KAN([2, (2, [3]), 1], grid=4), 8)
    x = rows(400, 2, size=0.8)
    new = adapt_grid(model, x, 60, quantiles=quantiles)
    h = x
    for layer, nodes in zip(new.layers, new.nodes[1:], strict=True):
        assert layer.grid == 60
        margin = 0.02 if layer is new.layers[0] else 0.05
        width = h.amax(0) - h.amin(0)
        torch.testing.assert_close(layer.knots[:, 3], h.amin(0) - margin * width)
        torch.testing.assert_close(layer.knots[:, 63], h.amax(0) + margin * width)
        h = nodes.combine(layer(h)).detach()
    y = model(x).detach()
    assert float((new(x).detach() - y).abs().max()) < 1e-3 * float(y.abs().max())


def test_adapting_to_where_the_knots_are_already_changes_nothing() -> None:
    x = rows(200, 1)
    model = adapt_grid(ew.KAN([1, 1]), x)
    again = adapt_grid(model, x)
    torch.testing.assert_close(again.layers[0].knots, model.layers[0].knots, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(again(x), model(x), rtol=1e-12, atol=1e-12)
    assert again.layers[0].grid == 5


def test_adapting_keeps_symbolic_edges_and_removed_ones(mixed_network) -> None:
    model = mixed_network(WIDTHS)
    new = adapt_grid(model, rows(50, 2), 9)
    for old, layer in zip(model.layers, new.layers, strict=True):
        assert layer.symbols == old.symbols
        assert torch.equal(layer.mask, old.mask)
        assert torch.equal(layer.affine, old.affine)
        assert torch.equal(layer.affine_free, old.affine_free)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"quantiles": 1.0}, "quantiles"),
        ({"quantiles": -0.1}, "quantiles"),
        ({"grid": 0}, "grid"),
        ({"grid": -2}, "grid"),
        ({"grid": 2.5}, "grid"),
        ({"x": torch.zeros(5, 3)}, "2"),
        ({"x": torch.zeros(0, 2)}, "row"),
        ({"x": torch.tensor([[0.0, torch.nan]])}, "finite"),
    ],
)
def test_bad_arguments_of_adapt_grid_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        adapt_grid(ew.KAN([2, 1]), **{"x": rows(10, 2), **arguments})


def test_set_function_gives_the_function_and_brings_removed_edges_back() -> None:
    model = remove_edges(ew.KAN([2, 1]), [(0, 0, 0), (0, 0, 1)])
    x = rows(10, 2)
    assert not model(x).any()
    new = set_function(model, 0, 0, 1, "sin", (2.0, 0.5, 3.0, 0.25))
    torch.testing.assert_close(new(x)[:, 0], 3 * torch.sin(2 * x[:, 1] + 0.5) + 0.25)
    replaced = set_function(new, 0, 0, 1, "x^2/3")
    assert replaced.layers[0].symbols == {(0, 1): "x^2/3"}
    assert bool(replaced.layers[0].affine_free[0, 1].all())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 0, 0, "sine"), "Unknown function 'sine'"),
        ((2, 0, 0, "sin"), "layers 0 to 1"),
        ((-1, 0, 0, "sin"), "layers 0 to 1"),
        ((0, 3, 0, "sin"), r"edges \(0..2, 0..1\)"),
        ((0, 0, -1, "sin"), "edges"),
        ((0, 0, 0, "sin", (1.0, 0.0)), "affine"),
        ((0, 0, 0, "sin", (1.0,)), "affine"),
        ((0, 0, 0, "sin", (1.0, 0.0, float("nan"), 0.0)), "affine"),
        ((0, 0, 0, "sin", "abcd"), "affine"),
    ],
)
def test_bad_arguments_of_set_function_are_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        set_function(ew.KAN([2, 3, 1]), *arguments)


def test_removing_edges_takes_away_what_they_gave(mixed_network) -> None:
    model = mixed_network([3, 4], symbolic=0.5)
    x = rows(10, 3)
    edges = ew.nn.trace(model, x).edges[0]
    gone = [(0, 0, 0), (0, 1, 2), (0, 3, 1)]
    new = remove_edges(model, gone)
    expected = model(x)
    for _, j, i in gone:
        expected[:, j] -= edges[:, j, i]
    torch.testing.assert_close(new(x), expected)
    assert remove_edges(model, []).layers[0].mask.equal(model.layers[0].mask)


@pytest.mark.parametrize("edge", [(1, 0, 0), (0, 2, 0), (0, 0, 2), (-1, 0, 0), (0, -1, 0)])
def test_removing_an_edge_that_is_not_there_is_refused(edge: tuple[int, int, int]) -> None:
    with pytest.raises(ew.InputError):
        remove_edges(ew.KAN([2, 2]), [edge])


@pytest.mark.parametrize("widths", [[2, 3], [2, 2, (1, 2)], [2, (0, [2, 3, 4])]])
@pytest.mark.parametrize("base", [None, "silu"])
def test_outputs_are_scaled_exactly(widths: list[Any], base: str | None, mixed_network) -> None:
    model = mixed_network(widths, base=base)
    x = rows(20, 2)
    for factors in ([2.0, -0.5, 1024.0], [3.0, 1e-9, 1e9]):
        factor = torch.tensor(factors, dtype=torch.float64)
        torch.testing.assert_close(scale_outputs(model, factor)(x), model(x) * factor, rtol=1e-12, atol=0)
    back = scale_outputs(scale_outputs(model, torch.full((3,), 2.0)), torch.full((3,), 0.5))
    assert torch.equal(back(x), model(x))


@pytest.mark.parametrize("factors", [torch.ones(2), torch.ones(4), torch.ones(3, 1)])
def test_factors_must_be_one_for_each_output(factors: Tensor) -> None:
    with pytest.raises(ew.InputError, match="3"):
        scale_outputs(ew.KAN([2, 3]), factors)


# compact


def assert_compacts(model: ew.KAN, widths: list[Any]) -> None:
    x = rows(30, model.n_in)
    new = compact(model, x)
    assert new.widths == widths
    torch.testing.assert_close(new(x), model(x), rtol=1e-12, atol=1e-12)
    elsewhere = rows(30, model.n_in, seed=5, size=3.0)
    torch.testing.assert_close(new(elsewhere), model(elsewhere), rtol=1e-12, atol=1e-12)
    for layer, before, after in zip(new.layers, new.nodes, new.nodes[1:], strict=False):
        assert (layer.n_out, layer.n_in) == (after.n_subnodes, before.n_nodes)
        assert layer.mask.shape == layer.coefficients.shape[:2] == (layer.n_out, layer.n_in)
        assert all(j < layer.n_out and i < layer.n_in for j, i in layer.symbols)
    again = compact(new, x)
    assert again.widths == widths
    ew.fit(new, x, model(x).detach(), grids=None, options=ew.Options(restarts=1))


def edges_into(layer: int, j: int, count: int) -> list[tuple[int, int, int]]:
    return [(layer, j, i) for i in range(count)]


def test_compact_drops_nodes_that_nothing_enters() -> None:
    assert_compacts(remove_edges(ew.KAN([2, 3, 1], base="silu"), edges_into(0, 1, 2)), [2, 2, 1])


def test_compact_drops_nodes_that_nothing_leaves() -> None:
    assert_compacts(remove_edges(ew.KAN([2, 3, 2]), [(1, 0, 2), (1, 1, 2)]), [2, 2, 2])


def test_compact_drops_chains_of_nodes() -> None:
    assert_compacts(remove_edges(ew.KAN([2, 2, 2, 1]), [*edges_into(0, 0, 2), (1, 1, 1)]), [2, 1, 1, 1])


def test_compact_drops_products_with_an_empty_factor() -> None:
    assert_compacts(remove_edges(ew.KAN([2, (1, [2, 3]), 1]), edges_into(0, 2, 2)), [2, (1, [3]), 1])


def test_compact_keeps_symbolic_edges_in_their_places() -> None:
    model = ew.KAN([2, 3, 2])
    for j in range(3):
        model = set_function(model, 0, j, 1, "sin", (1.0 + j, 0.0, 1.0, 0.0))
        model = set_function(model, 1, 1, j, "x^2", (1.0 + j, 0.0, 1.0, 0.3))
    assert_compacts(remove_edges(model, edges_into(0, 0, 2)), [2, 2, 2])


def test_compact_keeps_a_constant_that_has_no_other_edge_to_go_to() -> None:
    """A product's factor that is a constant must not become zero."""
    model = remove_edges(ew.KAN([1, 2, (0, 1)]), [(0, 0, 0), (1, 0, 1), (1, 1, 0)])
    x = rows(20, 1)
    assert bool(model(x).any())
    torch.testing.assert_close(compact(model, x)(x), model(x), rtol=1e-12, atol=1e-12)


def test_compact_leaves_a_full_network_and_a_hopeless_one_alone() -> None:
    x = rows(10, 2)
    full = ew.KAN([2, 3, 1])
    assert torch.equal(compact(full, x)(x), full(x))
    empty = remove_edges(ew.KAN([2, 1, 1]), edges_into(0, 0, 2))
    torch.testing.assert_close(compact(empty, x)(x), empty(x))


@given(seed=st.integers(0, 500), share=st.floats(0.1, 0.7))
def test_compact_leaves_any_network_as_it_was(seed: int, share: float, mixed_network) -> None:
    model = mixed_network([2, (2, [2, 3]), 3, (1, 1)], seed=seed, symbolic=0.4)
    generator = torch.Generator().manual_seed(seed)
    for layer in model.layers:
        layer.mask &= torch.rand(layer.mask.shape, generator=generator) > share
    x = rows(20, 2, seed)
    torch.testing.assert_close(compact(model, x)(x), model(x), rtol=1e-9, atol=1e-9)


def test_an_edge_is_named_by_one_tuple_or_by_three_numbers() -> None:
    model = ew.KAN([2, 1], base=None)
    for function, more in ((set_function, "sin"), (nn.monotone, "up"), (nn.smooth, 0.1), (nn.require, ["sin"])):
        by_tuple, by_numbers = function(model, (0, 0, 1), more), function(model, 0, 0, 1, more)
        by_name = function(model, i=1, layer=0, j=0, **{list(inspect.signature(function).parameters)[2]: more})
        for found in (by_numbers, by_name):
            assert found.get_config() == by_tuple.get_config()
