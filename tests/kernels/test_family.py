"""The contract of every family of basis functions: values, derivatives, shapes, types, compiled kernels."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from families import COMPILED, FUNCTIONS, HI, KINDS, LO, Functions, around, close, each_pair, every_family, inside
from torch import Tensor

from edgewise.bases import RBF
from edgewise.kernels import contract, evaluate_basis, explain, forced


def by_formula(f: Functions, x: Tensor, order: int) -> np.ndarray:
    columns = [
        [f.formula(x[:, i].numpy(), float(LO[i]), float(HI[i]), m, order) for m in range(f.count)] for i in range(2)
    ]
    return np.stack([np.stack(column, -1) for column in columns], 1)


@every_family
def test_values_and_derivatives_follow_an_independent_formula(functions: Functions) -> None:
    """within the range, to which its ends belong."""
    x, ends = inside(60), torch.stack([LO, HI])
    for order in range(5):
        close(functions(x, order), by_formula(functions, x, order), 1e-11)
    for order in range(2):
        close(functions(ends, order), by_formula(functions, ends, order), 1e-11)


@every_family
def test_functions_continue_along_their_tangents(functions: Functions) -> None:
    for far, (end, side) in product((1e-9, 0.3, 50.0), ((LO, -1), (HI, 1))):
        e, x = end.unsqueeze(0), (end + side * far).unsqueeze(0)
        value, slope = (torch.as_tensor(by_formula(functions, e, order)) for order in (0, 1))
        close(functions(x), value + slope * (x - e).unsqueeze(-1), 1e-11)
        close(functions(x, 1), slope, 1e-11)
        for order in (2, 3):
            assert not functions(x, order).any()


@every_family
def test_gradients_of_first_and_second_order_in_both_modes(functions: Functions) -> None:
    x = inside(3).requires_grad_()
    for op in (functions, partial(functions, order=1)):
        assert torch.autograd.gradcheck(op, (x,), check_forward_ad=True, check_batched_grad=True)
        assert torch.autograd.gradgradcheck(op, (x,))


MODES = {"forward": torch.func.jacfwd, "reverse": torch.func.jacrev}


@each_pair(functions=FUNCTIONS, first=MODES, second={**MODES, "none": None}, third={**MODES, "none": None})
def test_nestings_of_forward_and_reverse_mode(functions: Functions, first: Any, second: Any, third: Any) -> None:
    x, modes = around(1, seed=3)[0], [mode for mode in (first, second, third) if mode is not None]

    def one(value: Tensor) -> Tensor:
        return functions(value.expand(2))

    derivative = one
    for mode in modes:
        derivative = mode(derivative)
    close(derivative(x[0]), functions(x[0].expand(2), len(modes)), 1e-11)


@every_family
def test_maps_over_points_and_over_ranges(functions: Functions) -> None:
    x, families = around(5).unsqueeze(1), torch.stack([functions.knots, functions.knots * 1.5])
    op = partial(evaluate_basis, family=functions.family, count=functions.count)
    close(torch.func.vmap(op, (0, None))(x, functions.knots), op(x, functions.knots))
    close(torch.func.vmap(op, (None, 0))(x, families), torch.stack([op(x, one) for one in families]))


@every_family
def test_a_contraction_is_the_sum_of_its_functions(functions: Functions) -> None:
    x = around(20).requires_grad_()
    c = torch.randn(3, 2, functions.count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    c.requires_grad_()
    found = contract(x, c, functions.knots, functions.family)
    expected = torch.einsum("nim,jim->nj", functions(x), c)
    close(found, expected)
    for a, b in zip(*(torch.autograd.grad(v.sin().sum(), (x, c)) for v in (found, expected)), strict=True):
        close(a, b)


def test_single_precision_follows_double() -> None:
    x = around(50)
    for functions, order in product(FUNCTIONS.values(), (0, 1)):
        found = evaluate_basis(x.float(), functions.knots.float(), functions.family, functions.count, order)
        assert found.dtype == torch.float32
        close(found.double(), functions(x, order), 2e-5)


@every_family
def test_any_leading_shape(functions: Functions) -> None:
    for shape in ((0,), (), (1,), (3, 0), (4, 5)):
        x = around(20)[: int(np.prod(shape))]
        found = functions(x.reshape(*shape, 2))
        assert found.shape == (*shape, 2, functions.count)
        close(found.reshape(-1, 2, functions.count), functions(x))


def test_no_number_in_gives_no_number_out() -> None:
    x = torch.full((1, 2), torch.nan).double()
    for functions in FUNCTIONS.values():
        c = torch.ones(1, 2, functions.count).double()
        assert torch.isnan(contract(x, c, functions.knots, functions.family)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gaussians_are_never_subnormal(dtype: torch.dtype) -> None:
    x = torch.linspace(0, 1, 4001, dtype=dtype).unsqueeze(1)
    ends = torch.tensor([[0.0, 1.0]], dtype=dtype)
    for order in range(4):
        sizes = evaluate_basis(x, ends, RBF(), 207, order).abs()
        assert float(sizes[sizes > 0].min()) > 1e6 * torch.finfo(dtype).tiny
        assert float((sizes == 0).double().mean()) > 0.8


@each_pair(functions=COMPILED, order=range(4), dtype=[torch.float32, torch.float64])
def test_compiled_kernels_follow_the_law(functions: Functions, order: int, dtype: torch.dtype) -> None:
    """Values, and the contraction with both its pull-backs, on rows inside, outside, at the ends and of no number."""
    x = torch.cat([around(300), LO.unsqueeze(0), HI.unsqueeze(0), torch.full((1, 2), torch.nan)]).to(dtype)
    generator = torch.Generator().manual_seed(0)
    c = torch.randn(3, 2, functions.count, generator=generator, dtype=torch.float64).to(dtype)
    g = torch.randn(len(x), 3, generator=generator, dtype=torch.float64).to(dtype)
    knots, found = functions.knots.to(dtype), {}
    for backend in ("numba", "reference"):
        with forced(backend=backend):
            a, b = x.clone().requires_grad_(), c.clone().requires_grad_()
            out = contract(a, b, knots, functions.family, order)
            for_x, _ = torch.autograd.grad(out, (a, b), g)
            rows = x[:-1].clone().requires_grad_()  # of numbers: the others spoil every sum over rows
            (for_c,) = torch.autograd.grad(contract(rows, b, knots, functions.family, order), b, g[:-1])
            found[backend] = [
                evaluate_basis(x[:-1], knots, functions.family, functions.count, order),
                out.detach(),
                for_x,
                for_c,
            ]
    for fast, slow in zip(found["numba"], found["reference"], strict=True):
        assert fast.dtype == dtype
        missing = fast.isnan()  # more than in the law at most: the slope of straight pieces is a number everywhere
        assert missing[slow.isnan()].all()
        assert not missing[:-1].any()
        close(fast[~missing], slow[~missing], 1e-11 if dtype == torch.float64 else 2e-5)


def test_compiled_kernels_are_chosen() -> None:
    for functions in COMPILED.values():
        chosen = explain(100, 2, 3, family=functions.family, count=functions.count)
        assert {choice.backend for choice in chosen.values()} == {"numba"}


class Curves(torch.nn.Module):
    """A contraction as a module."""

    def __init__(self, functions: Functions) -> None:
        super().__init__()
        self.functions = functions
        self.c = torch.nn.Parameter(torch.randn(3, 2, functions.count, generator=torch.Generator().manual_seed(1)))
        self.double().register_buffer("points", functions.knots)

    def forward(self, x: Tensor) -> Tensor:
        return contract(x, self.c, self.points, self.functions.family)


@pytest.mark.parametrize("functions", KINDS.values(), ids=KINDS)
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
