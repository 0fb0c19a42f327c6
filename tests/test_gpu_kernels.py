"""GPU kernels against the law: on the GPU where there is one, else on the CPU in Triton's interpreter."""

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

import pytest
import torch
from torch import Tensor

from edgewise import InputError
from edgewise.kernels import _gpu, _routes
from edgewise.kernels._dispatch import OPERATIONS, Choice
from edgewise.kernels._family import LAWS, Family, law
from edgewise.kernels._ops import basis, contract
from edgewise.kernels.bspline import gpu, reference

if find_spec("triton") is None:
    pytest.skip("Triton is not made for this platform", allow_module_level=True)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def interpreting() -> Iterator[None]:
    """Triton's interpreter, which the environment must ask for when Triton is imported, and again when it runs."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        from edgewise.kernels._triton import interpreted

        assert interpreted() == (DEVICE == "cpu"), "Triton was imported before these tests were collected"
        yield


# Now, before other modules are searched for examples: a kernel is interpreted or not from the time of its import.
with interpreting():
    for module in ("bspline._triton_sparse", *(f"{name}._triton_values" for name in ("chebyshev", "rbf", "fourier"))):
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
        numbers = knots, x, uniform(n_in, grid + degree, n_out) - 0.5, uniform(rows, n_out) - 0.5, uniform(rows, n_in)
        self.knots, self.x, self.c, self.g, self.v = (number.to(DEVICE, dtype) for number in numbers)
        self.degree = degree

    def law(self, order: int, scale: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What expand, contract, pull_x and pull_c should give, in at least single precision."""
        wide = torch.promote_types(self.x.dtype, torch.float32)
        x, knots, c, g, v = (number.to(wide) for number in (self.x, self.knots, self.c, self.g, self.v))
        values = reference.basis(x, knots, self.degree, order)
        weighed = values * v.unsqueeze(-1) if scale else values
        return (
            weighed,
            torch.einsum("nim,imj->nj", weighed, c),
            torch.einsum("nj,imj,nim->ni", g, c, values),
            torch.einsum("nj,nim->imj", g, weighed),
        )

    def found(self, order: int, route: str, scale: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the kernels give."""
        v, rest = (self.v if scale else None), (self.knots, self.degree, order)
        return (
            gpu.expand(self.x, *rest, v),
            gpu.contract(self.x, self.c, *rest, v, route=route),
            gpu.pull_x(self.x, self.c, self.g, *rest, route=route),
            gpu.pull_c(self.x, self.g, *rest, v, route=route),
        )


def assert_near(found: tuple[Tensor, ...], expected: tuple[Tensor, ...], tolerance: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert one.is_contiguous()
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
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_operation_is_its_law(shape: tuple[int, ...], route: str) -> None:
    *sizes, order = shape
    case = Case(*sizes)
    assert_near(case.found(order, route), case.law(order), 1e-13)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float16, 4e-3), (torch.bfloat16, 2e-2)])
def test_lower_precision_without_weights(dtype: torch.dtype, tolerance: float, route: str) -> None:
    case = Case(17, 3, 5, 5, 3, dtype)
    found = case.found(0, route, scale=False)
    assert all(one.dtype == dtype for one in found)
    assert_near(found, case.law(0, scale=False), tolerance)


@pytest.mark.parametrize("route", ROUTES)
def test_under_autocast_points_stay_in_single_precision(route: str) -> None:
    case = Case(17, 3, 5, 20, 3, torch.float32)
    case.c, case.g = case.c.bfloat16(), case.g.bfloat16()
    found = case.found(0, route)
    assert [one.dtype for one in found] == [torch.float32, torch.bfloat16, torch.float32, torch.bfloat16]
    assert_near(found, case.law(0), 1e-2)


@pytest.mark.parametrize("route", ROUTES)
def test_no_number_stays_no_number_and_spoils_only_its_row(route: str) -> None:
    case = Case(5, 2, 3, 4, 3)
    case.x[2, 1] = torch.nan
    for order in (0, 1, 3):
        values, y, slope, pulled = case.found(order, route)
        assert values[2, 1].isnan().sum() == case.degree + 1
        assert y[2].isnan().all()
        assert slope[2].tolist() == pytest.approx([slope[2, 0].item(), torch.nan], nan_ok=True)
        assert pulled[1, -case.degree - 1 :].isnan().all()
        keep = [0, 1, 3, 4]
        assert not values[keep].isnan().any() and not y[keep].isnan().any() and not slope[keep].isnan().any()
        assert not pulled[0].isnan().any() and not pulled[1, 0].isnan().any()


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
    assert [tuple(one.shape) for one in case.found(0, route)] == [(0, 2, 6), (0, 3), (0, 2), (2, 6, 3)]
    assert not case.found(0, route)[3].any()


@pytest.mark.parametrize("order", [0, 1, 2, 4])
@pytest.mark.parametrize(("name", "size"), [("chebyshev", 9), ("chebyshev", 1), ("rbf", 9), ("fourier", 3)])
def test_the_other_families_are_their_laws(name: str, size: int, order: int) -> None:
    operations = import_module(f"edgewise.kernels.{name}.gpu")
    ranges = torch.tensor([[-1.0, 2.0], [0.5, 1.5], [-3.0, -1.0]], dtype=torch.float64)
    share = torch.rand(17, 3, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
    x = ranges[:, 0] + (ranges[:, 1] - ranges[:, 0]) * (1.4 * share - 0.2)
    x[:2] = ranges.T
    values = LAWS[name](x, ranges, size, order)
    c, g, v = torch.rand(3, values.shape[2], 5).double(), torch.rand(17, 5).double(), torch.rand(17, 3).double()
    weighed = values * v.unsqueeze(-1)
    expected = (
        values,
        torch.einsum("nim,imj->nj", weighed, c),
        torch.einsum("nj,imj,nim->ni", g, c, values),
        torch.einsum("nj,nim->imj", g, weighed),
    )
    x, ranges, c, g, v = (number.to(DEVICE) for number in (x, ranges, c, g, v))
    found = (
        operations.expand(x, ranges, size, order),
        operations.contract(x, c, ranges, size, order, v),
        operations.pull_x(x, c, g, ranges, size, order),
        operations.pull_c(x, g, ranges, size, order, v),
    )
    assert_near(tuple(one.cpu() for one in found), expected, 1e-13)
    x[3, 1] = torch.nan
    y = operations.contract(x, c, ranges, size, order, v).isnan()
    assert y[3].all() and y.sum() == 5


#: the interpreter is slow: all degrees are in the shapes above, with derivatives up to the third
WAYS = [("bspline", 2, "dense"), ("bspline", 3, "dense"), ("bspline", 3, "sparse"), ("bspline", 1, "sparse")]
WAYS += [("chebyshev", 4, "dense"), ("rbf", 8, "dense"), ("fourier", 2, "dense")]


@pytest.mark.parametrize(("name", "size", "route"), WAYS)
def test_the_dispatcher_reaches_them_and_derivatives_of_any_order_are_right(
    name: str, size: int, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked, in both modes and by maps alike, and to the third those of the law, which torch differentiates."""
    entered: set[str] = set()

    def choose(operation: str, family: Family, sizes: object) -> Choice:
        entered.add(operation)
        return Choice("triton", route, "asked for by the test")

    monkeypatch.setattr(_routes, "choose", choose)
    family, case = Family(name, size), Case(3, 2, 2, 2, size if name == "bspline" else 3)
    ends = torch.stack([case.knots[:, case.degree], case.knots[:, -case.degree - 1]], 1)
    points = case.knots if name == "bspline" else ends
    x = (case.x - 0.05).requires_grad_()  # off the ends, where the second derivative jumps
    c = torch.linspace(-2, 3, 4 * family.count(points), dtype=torch.float64, device=DEVICE).sin()
    c = c.view(2, 2, -1).requires_grad_()

    def call(x: Tensor, c: Tensor) -> Tensor:
        return contract(x, c, points, family)

    def plain(x: Tensor, c: Tensor) -> Tensor:
        return torch.einsum("nim,jim->nj", law(x, points, family, 0), c)

    def slopes(f: Callable[..., Tensor]) -> list[Tensor]:
        found, value = [], f(x, c).sin().sum()
        for _ in range(3):
            pair = torch.autograd.grad(value, (x, c), create_graph=True)
            value = sum((g / (1 + g.detach().abs().max())).sin().sum() for g in pair)  # curved: all depends on all
            found += pair
        return found

    assert torch.autograd.gradcheck(call, (x, c), fast_mode=True)
    assert torch.autograd.gradgradcheck(call, (x, c), fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: basis(x, points, family), (x,), fast_mode=True)
    for found, expected in zip(slopes(call), slopes(plain), strict=True):
        size = max(1, float(expected.detach().abs().max()))
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * size)
    for k in (0, 1):
        torch.testing.assert_close(torch.func.jacfwd(call, k)(x, c), torch.func.jacrev(call, k)(x, c))
    members = torch.stack([c, c.cos()])
    mapped = torch.func.vmap(call, (None, 0))(x, members)
    torch.testing.assert_close(mapped, torch.stack([call(x, one) for one in members]))
    torch.testing.assert_close(torch.func.vmap(call, (0, None))(x, c), call(x, c))
    assert entered == set(OPERATIONS)


def test_under_autocast_the_dispatcher_keeps_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_routes, "choose", lambda *_: Choice("triton", "dense", "asked for by the test"))
    case, family = Case(5, 2, 3, 4, 3, torch.bfloat16), Family("bspline", 3)
    x, c = case.x.requires_grad_(), case.c.permute(2, 0, 1).requires_grad_()
    y = contract(x, c, case.knots, family)
    y.backward(case.g)
    assert x.grad is not None and c.grad is not None
    assert y.dtype == x.grad.dtype == c.grad.dtype == torch.bfloat16
    case.x = x.detach()
    case.c = c.detach().permute(1, 2, 0)
    assert_near((y.detach(), c.grad.permute(1, 2, 0)), case.law(0, scale=False)[1::2], 2e-2)


def test_long_sums_are_split_where_outputs_are_few() -> None:
    tile, device = _gpu.Tile(32, 32, warps=4), torch.device(DEVICE)
    assert _gpu.split(19, 4, (1, 1), tile, device)[1] == 5  # the case with 19 inputs above
    assert _gpu.split(19, 4, (10**6, 1), tile, device) == (20, 1)
    each, parts = _gpu.split(1000, 32, (2, 1), tile, device)
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
from edgewise.kernels import _gpu, _triton, _triton_dense
from edgewise.kernels.bspline import gpu, _triton_local, _triton_sparse
print(_triton.missing(), _triton.interpreted(), gpu.unavailable() is not None)
"""


def test_everything_imports_without_triton_and_says_so() -> None:
    assert python(WITHOUT_TRITON) == "Triton is not installed False True\n"


def test_an_old_triton_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    door = import_module("edgewise.kernels._triton")
    monkeypatch.setattr(door, "triton", SimpleNamespace(__version__="3.4.1+git"))
    assert door.missing() == "Triton 3.4.1+git is older than 3.5"


WITHOUT_GPU = """
import sys, torch
from edgewise.kernels.bspline import gpu
print(gpu.unavailable(), "triton" in sys.modules)
try:
    gpu.expand(torch.zeros(2, 1), torch.arange(12.0).unsqueeze(0), 3)
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
from edgewise.kernels import _triton_dense as dense
from edgewise.kernels._triton import tl
from edgewise.kernels.bspline import _triton_local as local, _triton_sparse as sparse
from edgewise.kernels.chebyshev import _triton_values as chebyshev
from edgewise.kernels.fourier import _triton_values as fourier
from edgewise.kernels.rbf import _triton_values as rbf

def source(kernel, x, right, **more):
    values = "fp64" if x == "fp64" else "fp32"
    types = {name: "*" + x for name in ("x", "scale")} | {name: "*" + values for name in ("points", "knots")}
    types |= {name: "*" + right for name in ("coefficients", "grad", "out")} | {"rows": "*i64", "starts": "*i64"}
    kind = {"fp64": tl.float64, "fp32": tl.float32, "bf16": tl.bfloat16}[right]
    constants = {"BASIS": local.tile, "COUNT": 8, "SIZE": 3, "DEGREE": 3, "ORDER": 0, "SCALED": True, "ROWS": 32}
    constants |= {"OUTPUTS": 16, "INPUTS": 2, "COLUMNS": 8, "PRECISION": "ieee", "PRODUCT": kind}
    constants |= {"SUM": tl.float64 if right == "fp64" else tl.float32, **more}
    constants = {name: value for name, value in constants.items() if name in kernel.arg_names}
    ints = {name: "i32" for name in kernel.arg_names}
    known = ints | types | dict.fromkeys(constants, "constexpr")
    return ASTSource(fn=kernel, signature={name: known[name] for name in kernel.arg_names}, constexprs=constants)

single = [dense.expand, dense.contract, dense.pull_x, dense.pull_c, sparse.contract, sparse.pull_x, sparse.pull_c]
sources = [source(kernel, "fp32", "bf16", **({"COLUMNS": 16} if kernel is sparse.pull_c else {})) for kernel in single]
sources += [source(kernel, "fp64", "fp64") for kernel in (dense.contract, sparse.pull_x)]
sources += [source(dense.contract, "fp32", "fp32", BASIS=family.tile) for family in (chebyshev, fourier, rbf)]
for one in sources:
    ptx = triton.compile(one, target=GPUTarget("cuda", 80, 32)).asm["ptx"]
    print(int("mma.sync" in ptx), int(re.search(r"\b(atom|red)\.", ptx) is not None))
"""


def test_every_kernel_compiles_for_cuda_with_tensor_cores_and_without_atomics(tmp_path: Path) -> None:
    """The interpreter is lenient about types; the compiler is not, and it needs no GPU."""
    found = [line.split() for line in python(COMPILED, TRITON_CACHE_DIR=str(tmp_path)).splitlines()]
    assert "".join(products for products, _ in found) == "0111001" + "10" + "000"
    assert "".join(atomics for _, atomics in found) == "0" * 12
