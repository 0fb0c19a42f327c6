"""GPU kernels against the reference: on the GPU where there is one, else on the CPU in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
import torch
from torch import Tensor

from edgewise import InputError
from edgewise.bases import RBF, Basis, BSpline, Chebyshev, Fourier
from edgewise.kernels import Backend, Choice, Operation, _dispatch, contract
from edgewise.kernels.dense import gpu

if find_spec("triton") is None:
    pytest.skip("Triton is not made for this platform", allow_module_level=True)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def interpreting() -> Iterator[None]:
    """Triton's interpreter, which the environment must ask for when Triton is imported, and again when it runs."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        from edgewise.kernels.runtime._triton import interpreted

        assert interpreted() == (DEVICE == "cpu"), "Triton was imported before these tests were collected"
        yield


# Now, before other modules are searched for examples: a kernel is interpreted or not from the time of its import.
with interpreting():
    for module in ("bspline._triton_kernels", "dense._triton_families"):
        import_module(f"edgewise.kernels.{module}")

ROUTES = ("dense", "sparse")


@pytest.fixture(autouse=True)
def poisoned() -> Iterator[None]:
    """The interpreter, and torch's deterministic mode, in which fresh memory is filled with NaN."""
    torch.use_deterministic_algorithms(True)
    assert torch.empty(2).isnan().all() and torch.zeros(2).new_empty(2).isnan().all()
    with interpreting():
        yield
    torch.use_deterministic_algorithms(False)


class Case:
    """Tensors of one shape: points within, beyond and at the ends of cells of unequal width."""

    def __init__(self, rows: int, n_in: int, n_out: int, grid: int, degree: int, dtype: torch.dtype = torch.float64):
        generator = torch.Generator().manual_seed(rows + n_in + n_out + grid + degree)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, dtype=torch.float64)

        knots = (0.2 + 0.8 * uniform(n_in, grid + 2 * degree + 1)).cumsum(1) - 1
        lo, hi = knots[:, degree], knots[:, grid + degree]
        x = lo + (hi - lo) * (1.4 * uniform(rows, n_in) - 0.2)
        for row, edge in enumerate((degree, grid + degree, degree + grid // 2)[: rows - 1]):
            x[row] = knots[:, edge]
        numbers = knots, x, uniform(n_out, n_in, grid + degree) - 0.5, uniform(rows, n_out) - 0.5, uniform(rows, n_in)
        self.knots, self.x, self.c, self.g, self.v = (number.to(DEVICE, dtype) for number in numbers)
        self.degree, self.basis = degree, BSpline(degree)

    def expected(self, order: int, scale: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What evaluate, contract, vjp_inputs and vjp_coefficients should give, in at least single precision."""
        wide = torch.promote_types(self.x.dtype, torch.float32)
        x, knots, c, g, v = (number.to(wide) for number in (self.x, self.knots, self.c, self.g, self.v))
        values = self.basis.reference(x, knots, c.shape[2], order)
        weighed = values * v.unsqueeze(-1) if scale else values
        return (
            weighed,
            torch.einsum("nim,jim->nj", weighed, c),
            torch.einsum("nj,jim,nim->ni", g, c, values),
            torch.einsum("nj,nim->jim", g, weighed),
        )

    def found(self, order: int, route: str, scale: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the kernels give."""
        return operations(self.basis, route, self.x, self.c, self.g, self.v if scale else None, self.knots, order)


def operations(
    basis: Basis, route: str, x: Tensor, c: Tensor, g: Tensor, v: Tensor | None, knots: Tensor, order: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    backend, count = basis.gpu[route], c.shape[2]
    return (
        backend.evaluate(basis, x, knots, count, order, v),
        backend.contract(basis, x, c, v, knots, order),
        backend.vjp_inputs(basis, x, c, g, knots, order),
        backend.vjp_coefficients(basis, x, g, v, knots, count, order),
    )


def assert_near(found: tuple[Tensor, ...], expected: tuple[Tensor, ...], tolerance: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(
            one.to(other.dtype), other, rtol=0, atol=tolerance * max(1, float(other.abs().max()))
        )


# rows, inputs, outputs, cells, degree, order
SHAPES = [
    (1, 1, 1, 1, 1, 0),
    (1, 3, 5, 5, 3, 0),
    (17, 3, 5, 5, 3, 1),
    (17, 19, 1, 5, 3, 0),
    (65, 1, 33, 20, 3, 2),
    (33, 2, 33, 3, 2, 0),
    (17, 3, 1, 1, 4, 1),
    (17, 2, 5, 20, 4, 3),
    (17, 1, 5, 5, 5, 0),
    (17, 1, 5, 2, 5, 3),
    (17, 2, 5, 5, 1, 1),
    (40, 1, 5, 100, 3, 0),
    (17, 2, 5, 20, 9, 0),
    (17, 1, 5, 3, 7, 5),
]
SPARED = {(1, "dense"), (2, "sparse"), (6, "dense"), (8, "sparse")}
#: on both routes, but for sizes whose levels, and their pairs with a route, others have
ROUTED = [(shape, route) for shape in SHAPES for route in ROUTES if (SHAPES.index(shape), route) not in SPARED]


@pytest.mark.parametrize(("shape", "route"), ROUTED)
def test_every_operation_is_its_reference(shape: tuple[int, ...], route: str) -> None:
    *sizes, order = shape
    case = Case(*sizes)
    assert_near(case.found(order, route), case.expected(order), 1e-13)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float16, 4e-3), (torch.bfloat16, 2e-2)])
def test_lower_precision_without_weights(dtype: torch.dtype, tolerance: float, route: str) -> None:
    case = Case(17, 3, 5, 5, 3, dtype)
    found = case.found(0, route, scale=False)
    assert all(one.dtype == dtype for one in found)
    assert_near(found, case.expected(0, scale=False), tolerance)


@pytest.mark.parametrize("route", ROUTES)
def test_under_autocast_points_stay_in_single_precision(route: str) -> None:
    case = Case(17, 3, 5, 20, 3, torch.float32)
    case.c, case.g = case.c.bfloat16(), case.g.bfloat16()
    found = case.found(0, route)
    assert [one.dtype for one in found] == [torch.float32, torch.bfloat16, torch.float32, torch.bfloat16]
    assert_near(found, case.expected(0), 1e-2)


@pytest.mark.parametrize("route", ROUTES)
def test_no_number_stays_no_number_and_spoils_only_its_row(route: str) -> None:
    case = Case(5, 2, 3, 4, 3)
    case.x[2, 1] = torch.nan
    for order in (0, 1, 3):
        values, y, slope, pulled = case.found(order, route)
        assert values[2, 1].isnan().sum() == case.degree + 1
        assert y[2].isnan().all()
        assert slope[2].tolist() == pytest.approx([slope[2, 0].item(), torch.nan], nan_ok=True)
        assert pulled[:, 1, -case.degree - 1 :].isnan().all()
        keep = [0, 1, 3, 4]
        assert not values[keep].isnan().any() and not y[keep].isnan().any() and not slope[keep].isnan().any()
        assert not pulled[:, 0].isnan().any() and not pulled[:, 1, 0].isnan().any()


@pytest.mark.parametrize("route", ROUTES)
def test_strided_tensors_give_the_same_numbers(route: str) -> None:
    case = Case(6, 3, 5, 4, 3)
    expected = case.found(0, route)
    case.x, case.g, case.v = (number.T.contiguous().T for number in (case.x, case.g, case.v))
    assert not case.x.is_contiguous()
    assert all(torch.equal(one, other) for one, other in zip(case.found(0, route), expected, strict=True))


@pytest.mark.parametrize("route", ROUTES)
def test_orders_above_the_degree_and_empty_tensors_give_zeros(route: str) -> None:
    case = Case(5, 2, 3, 4, 2)
    assert all(not one.any() for one in case.found(3, route))
    case.x, case.g, case.v = case.x[:0], case.g[:0], case.v[:0]
    assert [tuple(one.shape) for one in case.found(0, route)] == [(0, 2, 6), (0, 3), (0, 2), (3, 2, 6)]
    assert not case.found(0, route)[3].any()


@pytest.mark.parametrize("order", [0, 1, 2, 4])
@pytest.mark.parametrize(("basis", "grid"), [(Chebyshev(), 9), (Chebyshev(), 1), (RBF(), 2), (Fourier(), 3)])
def test_the_other_families_are_their_references(basis: Basis, grid: int, order: int) -> None:
    count = basis.count(grid)
    ranges = torch.tensor([[-1.0, 2.0], [0.5, 1.5], [-3.0, -1.0]], dtype=torch.float64)
    share = torch.rand(17, 3, generator=torch.Generator().manual_seed(count), dtype=torch.float64)
    x = ranges[:, 0] + (ranges[:, 1] - ranges[:, 0]) * (1.4 * share - 0.2)
    x[:2] = ranges.T
    values = basis.reference(x, ranges, count, order)
    c, g, v = torch.rand(5, 3, count).double(), torch.rand(17, 5).double(), torch.rand(17, 3).double()
    weighed = values * v.unsqueeze(-1)
    expected = (
        weighed,
        torch.einsum("nim,jim->nj", weighed, c),
        torch.einsum("nj,jim,nim->ni", g, c, values),
        torch.einsum("nj,nim->jim", g, weighed),
    )
    x, ranges, c, g, v = (number.to(DEVICE) for number in (x, ranges, c, g, v))
    found = operations(basis, "dense", x, c, g, v, ranges, order)
    assert_near(tuple(one.cpu() for one in found), expected, 1e-13)
    x[3, 1] = torch.nan
    y = basis.gpu["dense"].contract(basis, x, c, v, ranges, order).isnan()
    assert y[3].all() and y.sum() == 5


#: the interpreter is slow: all degrees are in the shapes above, with derivatives up to the third
WAYS: list[tuple[Basis, int, str]] = [(BSpline(degree), 2, "dense") for degree in (2, 3)]
WAYS += [(BSpline(degree), 2, "sparse") for degree in (3, 1)]
WAYS += [(Chebyshev(), 4, "dense"), (RBF(), 1, "dense"), (Fourier(), 2, "dense")]


@pytest.mark.slow
@pytest.mark.parametrize(("basis", "grid", "route"), WAYS)
def test_the_dispatcher_reaches_them_and_derivatives_of_any_order_are_right(
    basis: Basis, grid: int, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked, in both modes and by maps alike, and to the third those of the reference, which torch differentiates."""
    entered = on_gpu(monkeypatch, route)
    case, count = Case(3, 2, 2, 2, basis.degree or 3), basis.count(grid)
    ends = torch.stack([case.knots[:, case.degree], case.knots[:, -case.degree - 1]], 1)
    knots = case.knots if isinstance(basis, BSpline) else ends
    x = (case.x - 0.05).requires_grad_()  # off the ends, where the second derivative jumps
    c = torch.linspace(-2, 3, 4 * count, dtype=torch.float64, device=DEVICE).sin()
    c = c.view(2, 2, -1).requires_grad_()

    def call(x: Tensor, c: Tensor) -> Tensor:
        return contract(x, c, knots, basis)

    def plain(x: Tensor, c: Tensor) -> Tensor:
        return torch.einsum("nim,jim->nj", basis.reference(x, knots, count), c)

    def gradients(f: Callable[..., Tensor]) -> list[Tensor]:
        found, value = [], f(x, c).sin().sum()
        for _ in range(3):
            pair = torch.autograd.grad(value, (x, c), create_graph=True)
            value = sum((g / (1 + g.detach().abs().max())).sin().sum() for g in pair)  # curved: all depends on all
            found += pair
        return found

    assert torch.autograd.gradcheck(call, (x, c), fast_mode=True)
    assert torch.autograd.gradgradcheck(call, (x, c), fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: basis.evaluate(x, knots, count), (x,), fast_mode=True)
    for found, expected in zip(gradients(call), gradients(plain), strict=True):
        size = max(1, float(expected.detach().abs().max()))
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * size)
    for k in (0, 1):
        torch.testing.assert_close(torch.func.jacfwd(call, k)(x, c), torch.func.jacrev(call, k)(x, c))
    members = torch.stack([c, c.cos()])
    mapped = torch.func.vmap(call, (None, 0))(x, members)
    torch.testing.assert_close(mapped, torch.stack([call(x, one) for one in members]))
    torch.testing.assert_close(torch.func.vmap(call, (0, None))(x, c), call(x, c))
    assert entered == set(get_args(Operation))


def on_gpu(monkeypatch: pytest.MonkeyPatch, route: str) -> set[str]:
    """Let every call take the GPU's backend of a route; return the operations that do, which grow."""
    entered: set[str] = set()

    def choose(operation: str, family: Basis, sizes: object) -> tuple[Choice, Backend]:
        entered.add(operation)
        return Choice("triton", route, "asked for by the test"), family.gpu[route]

    monkeypatch.setattr(_dispatch, "choose", choose)
    return entered


def test_under_autocast_the_dispatcher_keeps_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpu(monkeypatch, "dense")
    case = Case(5, 2, 3, 4, 3, torch.bfloat16)
    x, c = case.x.requires_grad_(), case.c.requires_grad_()
    y = contract(x, c, case.knots, case.basis)
    y.backward(case.g)
    assert x.grad is not None and c.grad is not None
    assert y.dtype == x.grad.dtype == c.grad.dtype == torch.bfloat16
    case.x = x.detach()
    case.c = c.detach()
    assert_near((y.detach(), c.grad), case.expected(0, scale=False)[1::2], 2e-2)


def test_long_sums_are_split_where_outputs_are_few() -> None:
    tile, device = gpu.Tile(32, 32, warps=4), torch.device(DEVICE)
    assert gpu.split(19, 4, (1, 1), tile, device)[1] == 5  # the case with 19 inputs above
    assert gpu.split(19, 4, (10**6, 1), tile, device) == (20, 1)
    each, parts = gpu.split(1000, 32, (2, 1), tile, device)
    assert each % 32 == 0 and (parts - 1) * each < 1000 <= parts * each and parts > 1


def test_tensors_never_cross_devices() -> None:
    case = Case(5, 2, 3, 4, 3)
    case.c = case.c.to("meta")
    for route in ROUTES:
        with pytest.raises(InputError, match=f"several devices: {DEVICE}.*meta. Move them"):
            case.found(0, route)


def python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**kept, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


WITHOUT_TRITON = """
import sys
sys.modules["triton"] = None
from edgewise.kernels.runtime import _triton
from edgewise.kernels.dense import gpu, _triton_products
from edgewise.kernels.bspline import _triton_kernels
print(_triton.missing(), _triton.interpreted(), gpu.unavailable() is not None)
"""


def test_everything_imports_without_triton_and_says_so() -> None:
    assert python(WITHOUT_TRITON) == "Triton is not installed False True\n"


def test_an_old_triton_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    door = import_module("edgewise.kernels.runtime._triton")
    monkeypatch.setattr(door, "triton", SimpleNamespace(__version__="3.4.1+git"))
    assert door.missing() == "Triton 3.4.1+git is older than 3.5"


WITHOUT_GPU = """
import sys, torch
from edgewise.bases import BSpline
from edgewise.kernels.dense import gpu
print(gpu.unavailable(), "triton" in sys.modules)
basis = BSpline(3)
try:
    basis.gpu["dense"].evaluate(basis, torch.zeros(2, 1), torch.arange(12.0).unsqueeze(0), 8, 0)
except ValueError as error:
    print(error)
"""


def test_without_a_gpu_triton_is_not_even_imported_and_kernels_refuse() -> None:
    asked, refused = python(WITHOUT_GPU, CUDA_VISIBLE_DEVICES="").splitlines()
    assert asked == "torch sees no CUDA device False"
    assert refused == "GPU kernels were given tensors on cpu. Move them to a CUDA device first."


COMPILED = r"""
import re
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from edgewise.kernels.dense import _triton_products as dense
from edgewise.kernels.runtime._triton import tl
from edgewise.kernels.bspline import _triton_kernels as sparse
from edgewise.kernels.dense._triton_families import chebyshev, fourier, rbf

def source(kernel, x, right, **more):
    values = "fp64" if x == "fp64" else "fp32"
    types = {name: "*" + x for name in ("x", "scale")} | {name: "*" + values for name in ("points", "knots")}
    types |= {name: "*" + right for name in ("coefficients", "grad", "out")} | {"rows": "*i64", "starts": "*i64"}
    kind = {"fp64": tl.float64, "fp32": tl.float32, "bf16": tl.bfloat16}[right]
    constants = {"BASIS": sparse.tile, "COUNT": 8, "DEGREE": 3, "ORDER": 0, "SCALED": True, "ROWS": 32}
    constants |= {"OUTPUTS": 16, "INPUTS": 2, "COLUMNS": 8, "PRECISION": "ieee", "PRODUCT": kind}
    constants |= {"SUM": tl.float64 if right == "fp64" else tl.float32, **more}
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    ints = {name: "i32" for name in kernel.arg_names}
    known = ints | types | dict.fromkeys(constants, "constexpr")
    return ASTSource(fn=kernel, signature={name: known[name] for name in kernel.arg_names}, constexprs=constants)

single = [dense.evaluate, dense.contract, dense.vjp_inputs, dense.vjp_coefficients, sparse.contract, sparse.vjp_inputs]
sources = [source(kernel, "fp32", "bf16") for kernel in single]
sources += [source(sparse.vjp_coefficients, "fp32", "bf16", COLUMNS=16)]
sources += [source(kernel, "fp64", "fp64") for kernel in (dense.contract, sparse.vjp_inputs)]
sources += [source(dense.contract, "fp32", "fp32", BASIS=family) for family in (chebyshev, fourier, rbf)]
for one in sources:
    ptx = triton.compile(one, target=GPUTarget("cuda", 80, 32)).asm["ptx"]
    print(int("mma.sync" in ptx), int(re.search(r"\b(atom|red)\.", ptx) is not None))
"""


@pytest.mark.slow
def test_every_kernel_compiles_for_cuda_with_tensor_cores_and_without_atomics(tmp_path: Path) -> None:
    """The interpreter is lenient about types; the compiler is not, and it needs no GPU."""
    found = [line.split() for line in python(COMPILED, TRITON_CACHE_DIR=str(tmp_path)).splitlines()]
    assert "".join(products for products, _ in found) == "0111001" + "10" + "000"
    assert "".join(atomics for _, atomics in found) == "0" * 12
