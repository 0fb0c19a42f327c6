"""The contract of every basis: the functions and their derivatives, the layers and networks made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev, hermite
from scipy.interpolate import BSpline
from torch import Tensor

from edgewise.bases import uniform_knots
from edgewise.kernels import Family, _routes, basis, contract, explain, forced
from edgewise.kernels._family import law

LO, HI = torch.tensor([-1.3, 0.5]).double(), torch.tensor([0.9, 7.0]).double()
RANGE = torch.stack([LO, HI], 1)

Formula = Callable[[np.ndarray, float, float, int, int], np.ndarray]


@dataclass(frozen=True)
class Functions:
    """One family on two inputs, and its m-th function's derivative by an independent formula (x, lo, hi, m, order)."""

    family: Family
    points: Tensor
    count: int
    formula: Formula


def _spline(degree: int, grid: int) -> Formula:
    def formula(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
        knots = lo + (hi - lo) * np.arange(-degree, grid + degree + 1) / grid
        return BSpline(knots, np.eye(grid + degree)[m], degree)(x, nu=order)

    return formula


def _chebyshev(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
    series = chebyshev.Chebyshev.basis(m, domain=[lo, hi])
    return (series.deriv(order) if order else series)(x)


def _rbf(count: int) -> Formula:
    def formula(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
        h = (hi - lo) / (count - 7)
        z = (x - lo - (m - 3) * h) / (1.5 * h)
        return hermite.hermval(z, np.eye(order + 1)[order]) * np.exp(-(z**2)) * (-1 / (1.5 * h)) ** order

    return formula


def _fourier(x: np.ndarray, lo: float, hi: float, m: int, order: int) -> np.ndarray:
    rate = (m + 1) // 2 * np.pi / (hi - lo)
    wave = np.exp(1j * rate * (x - lo)) * (1j * rate) ** order
    return wave.imag if m and m % 2 == 0 else wave.real


def _splines(degree: int, grid: int) -> Functions:
    knots = uniform_knots(LO, HI, grid, degree)
    return Functions(Family("bspline", degree), knots, grid + degree, _spline(degree, grid))


FUNCTIONS = {
    **{f"bspline {k}": _splines(k, 4) for k in range(1, 6)},
    **{f"chebyshev {n}": Functions(Family("chebyshev", n), RANGE, n + 1, _chebyshev) for n in (1, 2, 9)},
    **{f"rbf {n}": Functions(Family("rbf", n), RANGE, n, _rbf(n)) for n in (8, 12)},
    **{f"fourier {n}": Functions(Family("fourier", n), RANGE, 2 * n + 1, _fourier) for n in (1, 4)},
}
every_family = pytest.mark.parametrize("functions", FUNCTIONS.values(), ids=FUNCTIONS)


def inside(rows: int, seed: int = 0) -> Tensor:
    share = torch.rand(rows, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return LO + (HI - LO) * share


def around(rows: int, seed: int = 0) -> Tensor:
    """Points within the range and on both sides of it."""
    return (inside(rows, seed) - (LO + HI) / 2) * 1.6 + (LO + HI) / 2


def close(found: Tensor, expected: Tensor | np.ndarray, tolerance: float = 1e-12) -> None:
    expected = torch.as_tensor(expected).detach()
    size = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * size)


def by_formula(f: Functions, x: Tensor, order: int) -> np.ndarray:
    columns = [
        [f.formula(x[:, i].numpy(), float(LO[i]), float(HI[i]), m, order) for m in range(f.count)] for i in range(2)
    ]
    return np.stack([np.stack(column, -1) for column in columns], 1)


@every_family
@pytest.mark.parametrize("order", range(5))
def test_values_and_derivatives_follow_an_independent_formula(functions: Functions, order: int) -> None:
    x = inside(60)
    close(basis(x, functions.points, functions.family, order), by_formula(functions, x, order), 1e-11)


@every_family
@pytest.mark.parametrize("far", [1e-9, 0.3, 50.0])
def test_functions_continue_along_their_tangents(functions: Functions, far: float) -> None:
    for end, x in ((LO, LO - far), (HI, HI + far)):
        e, x = end.unsqueeze(0), x.unsqueeze(0)
        value, slope = (torch.as_tensor(by_formula(functions, e, order)) for order in (0, 1))
        close(basis(x, functions.points, functions.family), value + slope * (x - e).unsqueeze(-1), 1e-11)
        close(basis(x, functions.points, functions.family, 1), slope, 1e-11)
        for order in (2, 3):
            assert not basis(x, functions.points, functions.family, order).any()


@every_family
def test_the_ends_belong_to_the_range(functions: Functions) -> None:
    for end in (LO.unsqueeze(0), HI.unsqueeze(0)):
        for order in range(2):
            close(basis(end, functions.points, functions.family, order), by_formula(functions, end, order), 1e-11)


@every_family
@pytest.mark.parametrize("order", [0, 1])
def test_gradients_of_first_and_second_order_in_both_modes(functions: Functions, order: int) -> None:
    x = inside(6).requires_grad_()
    op = partial(basis, points=functions.points, family=functions.family, order=order)
    assert torch.autograd.gradcheck(op, (x,), check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(op, (x,))


MODES = {"forward": torch.func.jacfwd, "reverse": torch.func.jacrev}


@every_family
@pytest.mark.parametrize("modes", [m for n in (1, 2, 3) for m in product(MODES, repeat=n)], ids="-".join)
def test_every_nesting_of_forward_and_reverse_mode(functions: Functions, modes: tuple[str, ...]) -> None:
    x = around(1, seed=3)[0]

    def one(value: Tensor) -> Tensor:
        return basis(value.expand(2), functions.points, functions.family)

    derivative = one
    for mode in modes:
        derivative = MODES[mode](derivative)
    close(derivative(x[0]), basis(x[0].expand(2), functions.points, functions.family, len(modes)), 1e-11)


@every_family
def test_maps_over_points_and_over_ranges(functions: Functions) -> None:
    x, families = around(5).unsqueeze(1), torch.stack([functions.points, functions.points * 1.5])
    op = partial(basis, family=functions.family)
    close(torch.func.vmap(op, (0, None))(x, functions.points), op(x, functions.points))
    close(torch.func.vmap(op, (None, 0))(x, families), torch.stack([op(x, one) for one in families]))


@every_family
def test_a_contraction_is_the_sum_of_its_functions(functions: Functions) -> None:
    x = around(20).requires_grad_()
    c = torch.randn(3, 2, functions.count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    c.requires_grad_()
    found = contract(x, c, functions.points, functions.family)
    expected = torch.einsum("nim,jim->nj", basis(x, functions.points, functions.family), c)
    close(found, expected)
    for a, b in zip(*(torch.autograd.grad(v.sin().sum(), (x, c)) for v in (found, expected)), strict=True):
        close(a, b)


@every_family
def test_single_precision_follows_double(functions: Functions) -> None:
    x = around(50)
    for order in (0, 1):
        found = basis(x.float(), functions.points.float(), functions.family, order)
        assert found.dtype == torch.float32
        close(found.double(), basis(x, functions.points, functions.family, order), 2e-5)


@every_family
@pytest.mark.parametrize("shape", [(0, 2), (2,), (1, 2), (3, 0, 2), (4, 5, 2)])
def test_any_leading_shape(functions: Functions, shape: tuple[int, ...]) -> None:
    x = around(max(1, int(np.prod(shape[:-1]))))[: int(np.prod(shape[:-1]))]
    found = basis(x.reshape(shape), functions.points, functions.family)
    assert found.shape == (*shape, functions.count)
    close(found.reshape(-1, 2, functions.count), basis(x, functions.points, functions.family))


@every_family
def test_no_number_in_gives_no_number_out(functions: Functions) -> None:
    x = torch.full((1, 2), torch.nan).double()
    c = torch.ones(1, 2, functions.count).double()
    assert torch.isnan(contract(x, c, functions.points, functions.family)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gaussians_are_never_subnormal(dtype: torch.dtype) -> None:
    x = torch.linspace(0, 1, 4001, dtype=dtype).unsqueeze(1)
    ends = torch.tensor([[0.0, 1.0]], dtype=dtype)
    for order in range(4):
        sizes = basis(x, ends, Family("rbf", 207), order).abs()
        assert float(sizes[sizes > 0].min()) > 1e6 * torch.finfo(dtype).tiny
        assert float((sizes == 0).double().mean()) > 0.8


@every_family
@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_kernels_follow_the_law(functions: Functions, order: int, dtype: torch.dtype) -> None:
    """Values, and the contraction with both its pull-backs, on rows inside, outside, at the ends and of no number."""
    x = torch.cat([around(300), LO.unsqueeze(0), HI.unsqueeze(0), torch.full((1, 2), torch.nan)]).to(dtype)
    generator = torch.Generator().manual_seed(0)
    c = torch.randn(3, 2, functions.count, generator=generator, dtype=torch.float64).to(dtype)
    g = torch.randn(len(x), 3, generator=generator, dtype=torch.float64).to(dtype)
    points, found = functions.points.to(dtype), {}
    for backend in ("numba", "reference"):
        with forced(backend=backend):
            a, b = x.clone().requires_grad_(), c.clone().requires_grad_()
            out = contract(a, b, points, functions.family, order)
            for_x, _ = torch.autograd.grad(out, (a, b), g)
            rows = x[:-1].clone().requires_grad_()  # of numbers: the others spoil every sum over rows
            (for_c,) = torch.autograd.grad(contract(rows, b, points, functions.family, order), b, g[:-1])
            found[backend] = [basis(x[:-1], points, functions.family, order), out.detach(), for_x, for_c]
    for fast, slow in zip(found["numba"], found["reference"], strict=True):
        assert fast.dtype == dtype
        missing = fast.isnan()  # more than in the law at most: the slope of straight pieces is a number everywhere
        assert missing[slow.isnan()].all()
        assert not missing[:-1].any()
        close(fast[~missing], slow[~missing], 1e-11 if dtype == torch.float64 else 2e-5)


@every_family
def test_every_family_has_compiled_kernels(functions: Functions) -> None:
    chosen = explain(100, 2, 3, family=functions.family, count=functions.count)
    assert {choice.backend for choice in chosen.values()} == {"numba"}


# every route


@dataclass(frozen=True)
class Way:
    """A backend and route for a family, and the functions that must run on it: `law` is that of plain torch."""

    functions: Functions
    backend: str
    route: str | None
    runs: frozenset[str]

    def contract(self, x: Tensor, c: Tensor) -> Tensor:
        with forced(backend=self.backend, route=self.route):
            return contract(x, c, self.functions.points, self.functions.family)

    def derive(self, derivative: Callable[..., Any], *arguments: Any) -> Any:
        """Derivatives are taken on the way too, not only values."""
        with forced(backend=self.backend, route=self.route):
            return derivative(*arguments)


def _ways(name: str, functions: Functions) -> dict[str, Way]:
    dense = Way(functions, "numba", "dense", frozenset({"expand", "reduce"}))
    sparse = Way(functions, "numba", "sparse", frozenset({"contract", "pull_x", "pull_c"}))
    found = {"reference": Way(functions, "reference", None, frozenset({"law"})), "dense": dense}
    if functions.family.name == "bspline":
        found["sparse"] = sparse
    return {f"{name} {route}": way for route, way in found.items()}


WAYS = {key: way for name, functions in FUNCTIONS.items() for key, way in _ways(name, functions).items()}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


class Watched:
    """A backend's module for one family, which notes what is taken from it."""

    def __init__(self, module: ModuleType, seen: set[str]) -> None:
        self.module, self.seen = module, seen

    def __getattr__(self, name: str) -> Any:
        self.seen.add(name)
        return getattr(self.module, name)


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What is run, by name: functions of a backend, or `law`."""
    seen: set[str] = set()
    module = _routes._module

    def plain(*arguments: Any) -> Tensor:
        seen.add("law")
        return law(*arguments)

    monkeypatch.setattr(_routes, "_module", lambda how, family: Watched(module(how, family), seen))
    monkeypatch.setattr(_routes, "law", plain)
    return seen


def numbers(way: Way, rows: int = 3) -> tuple[Tensor, Tensor]:
    """Points within the range and beyond, and coefficients of two outputs."""
    c = torch.randn(2, 2, way.functions.count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return around(rows, seed=4).requires_grad_(), c.requires_grad_()


def bent(g: Tensor) -> Tensor:
    """A sum of functions of a gradient that are curved, so that its own gradient depends on everything too."""
    weights = torch.linspace(0.5, 1.5, g.numel()).view_as(g) / (1 + g.detach().abs().max())
    return (g * weights).sin().sum()


def slopes(f: Callable[..., Tensor], x: Tensor, c: Tensor, order: int) -> list[list[Tensor]]:
    """Derivatives by both up to an order, each of a curved combination of those before."""
    found, value = [], f(x, c).sin().sum()
    for _ in range(order):
        found.append(list(torch.autograd.grad(value, (x, c), create_graph=True)))
        value = sum(bent(g) for g in found[-1])
    return found


@every_way
def test_every_route_gives_first_second_and_third_derivatives_of_the_law(way: Way, entered: set[str]) -> None:
    """by points, by coefficients and mixed; torch differentiates the law, which is plain torch."""
    x, c = numbers(way, 5)

    def plain(x: Tensor, c: Tensor) -> Tensor:
        return torch.einsum("nim,jim->nj", law(x, way.functions.points, way.functions.family, 0), c)

    expected, found = slopes(plain, x, c, 3), way.derive(slopes, way.contract, x, c, 3)
    for order, pairs in enumerate(zip(found, expected, strict=True)):
        for a, b in zip(*pairs, strict=True):
            close(a, b, 10.0 ** (order - 12))
    assert entered == way.runs


@every_way
@pytest.mark.parametrize("wanted", ["x", "c", "xc"])
def test_every_route_gives_the_gradients_that_are_asked_for(way: Way, wanted: str, entered: set[str]) -> None:
    """and nobody will differentiate again."""
    given = dict(zip("xc", numbers(way, 40), strict=True))

    def gradients(backend: str, route: str | None) -> tuple[Tensor, ...]:
        x, c = (part.detach().requires_grad_(name in wanted) for name, part in given.items())
        with forced(backend=backend, route=route):
            y = contract(x, c, way.functions.points, way.functions.family)
            return torch.autograd.grad(y.sin().sum(), [leaf for leaf in (x, c) if leaf.requires_grad])

    expected = gradients("reference", None)
    entered.clear()
    for a, b in zip(gradients(way.backend, way.route), expected, strict=True):
        close(a, b)
    runs = {"x": "pull_x", "c": "pull_c", "xc": "pulls"}[wanted]
    narrow = {"reference": {"law"}, "dense": {"expand", "reduce"} if "x" in wanted else {"expand"}}
    assert entered == narrow.get(way.route or way.backend, {"contract", runs})


@every_way
def test_every_route_passes_the_gradient_checks(way: Way) -> None:
    """of first order in both modes and in batches, of second order forward over reverse and reverse over reverse."""
    arguments = numbers(way)
    assert way.derive(
        partial(torch.autograd.gradcheck, check_forward_ad=True, check_batched_grad=True), way.contract, arguments
    )
    assert way.derive(
        partial(torch.autograd.gradgradcheck, check_fwd_over_rev=True, fast_mode=True), way.contract, arguments
    )


@every_way
def test_every_route_agrees_in_both_modes_and_maps(way: Way, entered: set[str]) -> None:
    x, c = (part.detach() for part in numbers(way))
    points, family = way.functions.points, way.functions.family

    def call(x: Tensor, c: Tensor, points: Tensor = points) -> Tensor:
        return contract(x, c, points, family)

    with forced(backend=way.backend, route=way.route):
        for k in (0, 1):
            close(torch.func.jacfwd(call, k)(x, c), torch.func.jacrev(call, k)(x, c))
        entered.clear()
        close(torch.func.vmap(torch.func.jacfwd(call), (0, None))(x, c), torch.func.vmap(
            torch.func.jacrev(call), (0, None))(x, c))  # fmt: skip
        assert entered and (entered == {"law"}) == (way.backend == "reference")
        second = torch.func.hessian(lambda x: call(x, c).sin().sum())(x)
        close(second, second.permute(2, 3, 0, 1))
        for outer, inner in product((torch.func.jacfwd, torch.func.jacrev), repeat=2):
            close(outer(inner(lambda x: call(x, c).sin().sum()))(x), second)
        members, ranges = torch.stack([c, 2 * c, c.cos()]), torch.stack([points, 1.5 * points, points + 0.3])
        close(torch.func.vmap(call, (None, 0))(x, members), torch.stack([call(x, one) for one in members]))
        both = zip(members, ranges, strict=True)
        close(torch.func.vmap(call, (None, 0, 0))(x, members, ranges), torch.stack([call(x, *one) for one in both]))


class Curves(torch.nn.Module):
    """A contraction as a module."""

    def __init__(self, functions: Functions) -> None:
        super().__init__()
        self.functions = functions
        self.c = torch.nn.Parameter(torch.randn(3, 2, functions.count, generator=torch.Generator().manual_seed(1)))
        self.double().register_buffer("points", functions.points)

    def forward(self, x: Tensor) -> Tensor:
        return contract(x, self.c, self.points, self.functions.family)


@every_family
def test_compiles_as_one_graph_and_exports_for_any_number_of_rows(functions: Functions) -> None:
    torch.compiler.reset()
    module = Curves(functions)
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="aot_eager")
    program = torch.export.export(module, (around(5),), dynamic_shapes=({0: torch.export.Dim("rows")},)).module()
    for rows in (2, 7):
        x = around(rows).requires_grad_()
        results = [f(x) for f in (module, compiled, program)]
        slope, *others = [torch.autograd.grad(y.sin().sum(), (x, module.c)) for y in results[:2]]
        for y in results[1:]:
            close(y, results[0])
        for other in others:
            close(other[0], slope[0])
            close(other[1], slope[1])
