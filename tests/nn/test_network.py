"""The network: shapes, arguments, purity, copies, transformations."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.bases import HIGHEST_DEGREE
from edgewise.nn import KANLayer


def rows(n: int, d: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2.4 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.2


# shapes and types


@pytest.mark.parametrize("leading", [(), (1,), (7,), (0,), (2, 3), (2, 0, 3), (2, 1, 3, 4)])
@pytest.mark.parametrize("widths", [[1, 1], [3, 2], [2, 5, 1], [2, (1, 2), 3], [3, (0, [3, 2]), (1, 1)]])
def test_leading_dimensions_are_kept(leading: tuple[int, ...], widths: list[Any]) -> None:
    model = ew.KAN(widths)
    x = torch.rand(*leading, model.n_in, dtype=torch.float64)
    y = model(x)
    assert y.shape == (*leading, model.n_out)
    flat = model(x.reshape(math.prod(leading), model.n_in)).reshape(y.shape)
    torch.testing.assert_close(y, flat, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("base", [None, "silu", "identity"])
def test_the_networks_type_decides(dtype: torch.dtype, base: str | None) -> None:
    model = ew.KAN([2, 3, 1], dtype=dtype, base=base)
    assert {p.dtype for p in model.parameters()} == {dtype}
    for given_type in (torch.float32, torch.float64, torch.int64):
        assert model(torch.ones(4, 2, dtype=given_type)).dtype == dtype


def test_single_precision_follows_double(mixed_network) -> None:
    model = mixed_network([2, (2, 1), 1], base="silu")
    x = rows(100, 2)
    torch.testing.assert_close(ew.nn.clone(model, torch.float32)(x).double(), model(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("degree", range(1, HIGHEST_DEGREE + 1))
@pytest.mark.parametrize("grid", [1, 4])
def test_any_degree_and_grid(degree: int, grid: int) -> None:
    model = ew.KAN([2, 2, 1], degree=degree, grid=grid, domain=(-2, 3))
    layer = model.layers[0]
    assert (layer.grid, layer.degree) == (grid, degree)
    assert layer.coefficients.shape == (2, 2, grid + degree)
    assert [float(layer.knots[0, k]) for k in (degree, degree + grid)] == [-2.0, 3.0]
    assert bool(torch.isfinite(model(rows(20, 2) * 100)).all())


def test_the_seed_decides_the_first_values() -> None:
    x = rows(5, 2)
    assert torch.equal(ew.KAN([2, 3, 1], seed=3)(x), ew.KAN([2, 3, 1], seed=3)(x))
    assert not torch.equal(ew.KAN([2, 3, 1], seed=3)(x), ew.KAN([2, 3, 1], seed=4)(x))


def test_nothing_explodes_beyond_the_knots() -> None:
    model = ew.KAN([1, 1])
    far = torch.tensor([[2.0], [3.0], [4.0]], dtype=torch.float64)
    y = model(far)
    torch.testing.assert_close(y[2] - y[1], y[1] - y[0])


BAD_ARGUMENTS: list[tuple[str, Any, str]] = [
    *(("domain", value, "'domain'") for value in ((0, 10**400), (0, 1e-320), (1e17, 1e17 + 16), (True, 2))),
    ("seed", 10**30, "'seed'"),
    ("init", [], "Unknown initialization"),
    ("basis", ["bspline"], "Unknown basis"),
    ("base", {}, "Unknown base function"),
    ("dtype", torch.int64, "'dtype'"),
    *(("grid", value, "'grid' parameter of KAN must be an int >= 1") for value in (0, -1, 2.5, "5", None, True)),
    *(("degree", value, "'degree' parameter of KAN must be an int >= 1") for value in (0, 10, 3.0, "3", None)),
    *(("base", value, "base function") for value in ("softsign", 3, "")),
    *(
        ("domain", value, "'domain' parameter of KAN must be two finite numbers")
        for value in ((1, 1), (1, -1), (0, math.inf), (math.nan, 1), (1,), (1, 2, 3), 5, None, "ab")
    ),
    *(("seed", value, "'seed'") for value in ("a", 1.5, None)),
    *(("dtype", value, "'dtype'") for value in ("float64", torch.int64, torch.complex64, None, float)),
]


BEYOND_MEMORY: list[tuple[Any, dict[str, Any]]] = [
    ([10**9, 10**9], {}),
    ([1, 1], {"grid": 10**12}),
    ([1, 1], {"grid": 10**21}),
    ([1, 1], {"grid": 10**400}),
    ([2**33, 2**33], {}),
    ([1, 1], {"basis": "chebyshev", "grid": 10**6}),
    ([1, 1], {"basis": "fourier", "grid": 10**6}),
]


@pytest.mark.parametrize(("widths", "arguments"), BEYOND_MEMORY, ids=lambda value: repr(value)[:40])
def test_networks_that_memory_cannot_hold_are_refused(widths: list[int], arguments: dict[str, Any]) -> None:
    with pytest.raises(ew.InputError, match=r"needs .* of memory.* are free\. Use"):
        ew.KAN(widths, **arguments)
    with pytest.raises(ew.InputError, match="product"):
        ew.KAN([1, (0, 10**9), 1])
    with pytest.raises(ew.InputError, match="of memory"):
        ew.nn.refine_grid(ew.KAN([1, 1]), 10**12)
    with pytest.raises(ew.InputError, match="of memory"):
        ew.nn.adapt_grid(ew.KAN([1, 1]), torch.zeros(3, 1), grid=10**21)


@pytest.mark.parametrize(("name", "value", "words"), BAD_ARGUMENTS, ids=lambda v: repr(v)[:20])
def test_bad_arguments_are_refused(name: str, value: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.KAN([2, 1], **{name: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1), (0,)])
def test_inputs_of_another_width_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ew.InputError, match=r"takes inputs of shape \(\.\.\., 2\)"):
        ew.KAN([2, 1])(torch.zeros(shape))


# purity


def state_of(model: ew.KAN) -> list[Any]:
    out: list[Any] = []
    for name, module in model.named_modules():
        plain = {k: copy.deepcopy(v) for k, v in vars(module).items() if not k.startswith("_")}
        out.append((name, sorted(vars(module)), plain))
    return [*out, {name: value.clone() for name, value in model.state_dict().items() if isinstance(value, Tensor)}]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_building_and_calling_leaves_no_trace(empty_folder, quiet) -> None:
    model = ew.KAN([2, (2, 1), 1], base="silu")
    x = rows(5, 2).requires_grad_()
    values, state = x.detach().clone(), state_of(model)
    y = model(x)
    model.layers[0].edges(x)
    ew.nn.trace(model, x)
    y.sum().backward()
    assert torch.equal(x, values)
    assert same(state_of(model), state)
    assert torch.equal(y, model(x))
    repr(model)


def test_widths_given_are_not_kept_nor_changed() -> None:
    products = [2, 3]
    widths = [2, (1, products), 1]
    model = ew.KAN(widths)
    products.append(9)
    assert model.widths == [2, (1, [2, 3]), 1]
    assert widths == [2, (1, products), 1]


# copies


COPIES: dict[str, Callable[[ew.KAN], ew.KAN]] = {
    "deepcopy": copy.deepcopy,
    "clone": ew.nn.clone,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "torch.save": lambda model: torch.load(_saved(model), weights_only=False),
}


def _saved(model: ew.KAN) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return file


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_copies_are_equal_and_share_nothing(make, mixed_network) -> None:
    model = mixed_network([2, (2, [3]), 2], base="silu")
    x = rows(10, 2)
    before = model(x)
    other = make(model)
    assert torch.equal(other(x), before)
    assert other.widths == model.widths
    with torch.no_grad():
        for tensor in [*other.parameters(), *other.buffers()]:
            tensor.zero_()
    for layer in other.layers:
        layer.symbols.clear()
    assert torch.equal(model(x), before)


def test_the_state_dict_carries_symbols_and_survives_weights_only(mixed_network) -> None:
    model = mixed_network([2, (2, [3]), 2], base="silu")
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = ew.KAN([2, (2, [3]), 2], base="silu", grid=4, seed=9)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert [layer.symbols for layer in other.layers] == [layer.symbols for layer in model.layers]
    x = rows(10, 2)
    assert torch.equal(other(x), model(x))


def test_a_state_dict_of_other_nodes_is_refused() -> None:
    state = ew.KAN([2, (2, 1), 1]).state_dict()
    with pytest.raises(ew.InputError, match="widths"):
        ew.KAN([2, (0, [4]), 1]).set_extra_state(state["_extra_state"])


# torch's transformations


def test_maps_and_derivatives_of_torch_func(mixed_network) -> None:
    model = mixed_network([2, (2, [3]), 2], base="silu")
    x = rows(6, 2)
    torch.testing.assert_close(torch.func.vmap(model)(x), model(x))
    reverse = torch.func.vmap(torch.func.jacrev(model))(x)
    torch.testing.assert_close(torch.func.vmap(torch.func.jacfwd(model))(x), reverse)
    torch.testing.assert_close(ew.nn.Pass(model, x).input_gradient(), reverse)
    hessian = torch.func.vmap(torch.func.hessian(model))(x)
    torch.testing.assert_close(hessian, hessian.mT)
    torch.testing.assert_close(torch.func.vmap(torch.func.jacfwd(torch.func.jacfwd(model)))(x), hessian)


@pytest.mark.parametrize("symbolic", [False, True])
def test_functional_call_maps_over_an_ensemble(symbolic: bool) -> None:
    models = [ew.KAN([2, 3, 1], seed=seed) for seed in range(4)]
    if symbolic:
        models = [ew.nn.set_function(model, 0, 1, 0, "sin", (2.0, 0.1, 1.0, 0.3)) for model in models]
        models[2] = ew.nn.remove_edges(models[2], [(0, 1, 0), (1, 0, 1)])
    parameters, buffers = torch.func.stack_module_state(models)
    x = rows(7, 2)

    def call(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(models[0], (parameters, buffers), (x,))

    torch.testing.assert_close(torch.func.vmap(call)(parameters, buffers), torch.stack([model(x) for model in models]))
    gradient = torch.func.grad(lambda p: torch.func.functional_call(models[1], p, (x,)).square().sum())(
        dict(models[1].named_parameters())
    )
    models[1](x).square().sum().backward()
    for name, parameter in models[1].named_parameters():
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(gradient[name], expected)


@pytest.mark.parametrize("base", [None, "silu"])
def test_gradients_by_inputs_and_parameters(base: str | None, mixed_network) -> None:
    model = mixed_network([2, (1, 1), 1], grid=2, base=base)
    names, values = zip(*model.named_parameters(), strict=True)
    x = 0.9 * rows(3, 2).requires_grad_()

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), (x,))

    inputs = (x.detach().requires_grad_(), *(v.detach().clone().requires_grad_() for v in values))
    assert torch.autograd.gradcheck(call, inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(call, inputs)


def test_compiles_in_one_graph(mixed_network) -> None:
    model = mixed_network([2, (2, [3]), 1], base="silu")
    x = rows(6, 2)
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), model(x))
    compiled(x).square().sum().backward()
    model(x).square().sum().backward()
    for (name, found), expected in zip(compiled.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=name)


def test_exports(mixed_network) -> None:
    model = mixed_network([2, (2, [3]), 1])
    batch = torch.export.Dim("batch")
    program = torch.export.export(model, (rows(6, 2),), dynamic_shapes=({0: batch},))
    x = rows(11, 2, seed=1)
    torch.testing.assert_close(program.module()(x), model(x))


def test_a_removed_edge_beyond_its_domain_spoils_nothing() -> None:
    model = ew.nn.set_function(ew.nn.set_function(ew.KAN([2, 1]), 0, 0, 0, "log"), 0, 0, 1, "x^2")
    model = ew.nn.remove_edges(model, [(0, 0, 0)])
    x = torch.tensor([[-1.0, 3.0]], dtype=torch.float64, requires_grad=True)
    y = model(x)
    assert y.tolist() == [[9.0]]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 6.0]]
    assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters() if p.grad is not None)


def test_a_layer_refuses_inputs_of_another_width() -> None:
    with pytest.raises(ew.InputError, match="layer takes inputs"):
        KANLayer(3, 2)(torch.zeros(4, 2))
