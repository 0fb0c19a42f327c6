"""The kernels as operators of torch: what torch asks of an operator, and what compilers make of a layer."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import edgewise as ew
from edgewise.bases import BasisName

BASES: list[BasisName] = ["bspline", "linear", "rbf", "chebyshev", "fourier"]
OPS = torch.ops.edgewise


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 1


KNOTS = torch.arange(-5.0, 6.0, dtype=torch.float64).expand(2, 11).contiguous() / 2  # 4 cells on [-1, 1]: K = 7
MASK = torch.tensor([[True, False], [True, True], [True, True]])


def cases() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """An operator and arguments: 5 rows, 2 inputs, 3 outputs, 7 cubic B-splines."""
    x, c, g, v = numbers(5, 2), numbers(3, 2, 7, seed=1), numbers(5, 3, seed=2), numbers(5, 2, seed=3)
    x, c, g, v = (part.requires_grad_() for part in (x, c, g, v))
    cubic = ("bspline 3", 7)
    return {
        "evaluate": (OPS.evaluate, (x, KNOTS, *cubic, 0)),
        "contract": (OPS.form, (x, c, None, None, KNOTS, None, *cubic, 0, "g")),
        "contract weighted": (OPS.form, (x, c, v, None, KNOTS, MASK, *cubic, 1, "g")),
        "vjp_inputs": (OPS.form, (x, c, None, g, KNOTS, MASK, *cubic, 1, "v")),
        "vjp_coefficients": (OPS.form, (x, None, v, g, KNOTS, MASK, *cubic, 0, "c")),
        "vjps": (OPS.vjps, (x, c, g, KNOTS, MASK, "bspline 3", 0)),
        "affine": (OPS.affine, (x, c, KNOTS, MASK, numbers(5, 4, seed=4), numbers(3, 4, seed=5), "bspline 3", 0)),
        "rbf": (OPS.form, (x, numbers(3, 2, 9), None, None, torch.tensor([[-1.0, 1.0]] * 2).double(), None, "rbf", 9, 0,
                           "g")),
    }  # fmt: skip


@pytest.mark.parametrize("name", cases())
def test_torch_finds_nothing_wrong_with_an_operator(name: str) -> None:
    """its schema, its shapes on fake tensors, its autograd registration, and all of them together under AOTAutograd."""
    operator, arguments = cases()[name]
    torch.library.opcheck(operator.default, arguments)


@pytest.mark.parametrize("name", cases())
def test_derivatives_of_any_order_go_through_the_operators(name: str) -> None:
    operator, arguments = cases()[name]
    tensors = [at for at, part in enumerate(arguments) if isinstance(part, Tensor) and part.requires_grad]

    def of(*parts: Tensor) -> Any:
        given = dict(zip(tensors, parts, strict=True))
        return operator(*(given.get(at, part) for at, part in enumerate(arguments)))

    assert gradcheck(of, [arguments[at] for at in tensors])
    assert gradgradcheck(of, [arguments[at] for at in tensors])


@pytest.mark.parametrize("which", ["points", "all"])
def test_an_operator_maps_over_any_tensor(which: str) -> None:
    for operator, arguments in cases().values():
        _maps(operator, arguments, which)


def _maps(operator: Any, arguments: tuple[Any, ...], which: str) -> None:
    given = [part.detach() if isinstance(part, Tensor) else part for part in arguments]
    dims = [0 if isinstance(part, Tensor) and (at == 0 or which == "all") else None for at, part in enumerate(given)]
    batches = [part if dim is None else torch.stack([part, part * 0.5 if part.is_floating_point() else part])
               for part, dim in zip(given, dims, strict=True)]  # fmt: skip
    found = torch.func.vmap(operator, tuple(dims))(*batches)
    for k in range(2):
        one = operator(*(part if dim is None else part[k] for part, dim in zip(batches, dims, strict=True)))
        torch.testing.assert_close([part[k] for part in found] if isinstance(found, tuple) else found[k],
                                   list(one) if isinstance(one, tuple) else one)  # fmt: skip


def targets(module: torch.nn.Module, x: Tensor, **options: Any) -> tuple[list[str], Tensor]:
    """The operators of edgewise in a compiled graph, and what it gives."""
    seen: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        seen.extend(str(node.target) for node in graph.graph.nodes if str(node.target).startswith("edgewise."))
        return graph

    return seen, torch.compile(module, fullgraph=True, backend=backend, **options)(x)


@pytest.mark.parametrize("basis", BASES)
def test_a_compiled_layer_keeps_its_kernel(basis: BasisName) -> None:
    layer, x = ew.nn.KANLayer(2, 3, basis=basis, dtype=torch.float64), numbers(9, 2)
    seen, found = targets(layer, x)
    assert seen == ["edgewise.affine"]
    torch.testing.assert_close(found, layer(x))


def test_a_basis_without_kernels_is_compiled_as_plain_torch() -> None:
    class Own(ew.bases.Chebyshev):
        cpu = {}  # noqa: RUF012

    layer, x = ew.nn.KANLayer(2, 3, basis=Own(), dtype=torch.float64), numbers(9, 2)
    seen, found = targets(layer, x)
    assert seen == []
    torch.testing.assert_close(found, layer(x))


def test_transforms_inside_a_compiled_function_see_plain_torch() -> None:
    layer, x = ew.nn.KANLayer(2, 1, dtype=torch.float64), numbers(4, 2)
    jacobian = torch.compile(lambda x: torch.func.vmap(torch.func.jacrev(layer))(x), backend="aot_eager")
    torch.testing.assert_close(jacobian(x), torch.func.vmap(torch.func.jacrev(layer))(x))


def test_exported_programs_run_without_edgewise() -> None:
    layer, x = ew.nn.KANLayer(2, 3, dtype=torch.float64), numbers(9, 2)
    for strict in (False, True):
        program = torch.export.export(layer, (x,), strict=strict)
        assert not any(str(node.target).startswith("edgewise") for node in program.graph.nodes)
        torch.testing.assert_close(program.module()(x), layer(x))


def test_edges_are_masked_in_a_compiled_layer_as_soon_as_they_are_in_the_layer() -> None:
    layer, x = ew.nn.KANLayer(2, 3, dtype=torch.float64), numbers(9, 2).requires_grad_()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for _ in range(2):
        results = []
        for one in (layer, compiled):
            found = one(x)
            results.append([found, *torch.autograd.grad(found.square().sum(), [x, *layer.parameters()])])
        torch.testing.assert_close(results[1], results[0])
        layer.mask[1, 0] = False


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.skipif(
    os.environ.get("ATEN_CPU_CAPABILITY") == "default",
    reason="inductor writes vectors without their header then",
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_inductor_calls_the_kernels() -> None:
    layer, x = ew.nn.KANLayer(3, 4), numbers(33, 3).float().requires_grad_()
    compiled, results = torch.compile(layer, fullgraph=True), []
    for one in (layer, compiled):
        found = one(x)
        results.append([found, *torch.autograd.grad(found.square().sum(), [x, *layer.parameters()])])
    torch.testing.assert_close(results[1], results[0])
    with ew.kernels.forced(backend="numba"):  # also when the graph runs
        torch.testing.assert_close(compiled(x), layer(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_few_rows_are_what_they_are_among_many(dtype: torch.dtype) -> None:
    """They have a separate kernel, which reads the coefficients as they lie."""
    for (n_in, n_out, grid), rows in product(((1, 1, 1), (3, 7, 4), (19, 5, 11), (2, 13, 5)), range(1, 10)):
        layer, x = ew.nn.KANLayer(n_in, n_out, grid=grid, dtype=dtype), (1.7 * numbers(40, n_in)).to(dtype)
        with torch.no_grad():
            torch.testing.assert_close(layer(x[:rows]), layer(x)[:rows])
            torch.testing.assert_close(layer(x[-rows:]), layer(x)[-rows:])
        torch.testing.assert_close(layer(x[:rows]), layer(x)[:rows])


def test_a_call_for_a_few_rows_sees_every_change() -> None:
    layer, x = ew.nn.KANLayer(3, 2), numbers(2, 3).float()
    with torch.no_grad():
        layer(x), layer(x)
        for change in (
            lambda: layer.knots.data.mul_(1.5), lambda: layer.mask.data.__setitem__((0, 0), False),
            lambda: layer.mask.fill_(True), lambda: layer.coefficients.data.mul_(2), lambda: layer.knots.mul_(0.8),
        ):  # fmt: skip
            before = layer(x)
            change()
            found = layer(x)
            assert not torch.equal(found, before)
            torch.testing.assert_close(found, copy.deepcopy(layer)(x))
            torch.testing.assert_close(found, layer(x.repeat(9, 1))[:2])


@pytest.mark.parametrize(
    "x", [torch.zeros(()), torch.zeros(2, 4), torch.zeros(2, 3, dtype=torch.complex64), [[0.0, 0.0, 0.0]]]
)
def test_bad_input_is_refused_in_inference_too(x: Any) -> None:
    with torch.no_grad(), pytest.raises(ew.InputError):
        ew.nn.KANLayer(3, 2)(x)
