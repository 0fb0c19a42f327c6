"""Positive definite systems: the kernels against plain torch, and what neither can solve."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.kernels import factor_for
from edgewise.kernels.gauss_newton import CompiledFactor, Factor

sizes = pytest.mark.parametrize("size", [1, 2, 7, 23, 24, 25, 48, 95, 96, 97, 120, 193, 360, 501])


def system(size: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """A matrix with rubbish above its diagonal and on it, the diagonal that belongs there, and a vector."""
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(size, 2 * size, generator=generator, dtype=dtype)
    whole = root @ root.T
    rubbish = torch.full((size, size), math.nan, dtype=dtype).triu()
    return whole.tril(-1) + rubbish, whole.diagonal().clone(), torch.randn(size, generator=generator, dtype=dtype)


def whole_of(matrix: Tensor, diagonal: Tensor) -> Tensor:
    below = torch.where(torch.ones_like(matrix).tril(-1).bool(), matrix, 0.0)
    return below + below.T + torch.diag(diagonal)


def solved(given: CompiledFactor | Factor, matrix: Tensor, diagonal: Tensor, right: Tensor) -> Tensor | None:
    return given.solve(right) if given.take(matrix, diagonal) else None


def test_the_kernels_serve_double_precision_on_cpus_and_plain_torch_the_rest() -> None:
    assert isinstance(factor_for(torch.zeros(3, dtype=torch.float64)), CompiledFactor)
    assert isinstance(factor_for(torch.zeros(3)), Factor)
    assert isinstance(factor_for(torch.zeros(3, dtype=torch.float64, device="meta")), Factor)


@sizes
def test_kernels_solve_what_the_law_solves(size: int) -> None:
    matrix, diagonal, vector = system(size)
    kept = CompiledFactor(size)
    found, expected = (solved(f, matrix, diagonal, vector) for f in (kept, Factor()))
    assert found is not None and expected is not None
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(whole_of(matrix, diagonal) @ found, vector, rtol=1e-9, atol=1e-10)
    again = solved(kept, matrix, diagonal, vector)
    assert again is not None and torch.equal(again, found)


@sizes
@pytest.mark.parametrize("columns", [1, 2, 16, 17])
def test_several_right_sides_at_once(size: int, columns: int) -> None:
    matrix, diagonal, _ = system(size)
    right = torch.randn(columns, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64).T
    found, expected = (solved(f, matrix, diagonal, right) for f in (CompiledFactor(size), Factor()))
    assert found is not None and expected is not None
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 130), st.integers(0, 2**31), st.floats(-200, 200))
def test_any_scale_is_solved_to_rounding(size: int, seed: int, exponent: float) -> None:
    matrix, diagonal, vector = system(size, seed)
    scale = 10.0 ** (exponent / 2)
    found = solved(CompiledFactor(size), matrix * scale, diagonal * scale, vector)
    assert found is not None
    residual = whole_of(matrix, diagonal) @ (found * scale) - vector
    assert float(residual.norm()) < 1e-9 * float(vector.norm())


def test_arguments_are_left_as_they_were() -> None:
    given_ = system(50)
    before = [tensor.clone() for tensor in given_]
    solved(CompiledFactor(50), *given_)
    for tensor, was in zip(given_, before, strict=True):
        torch.testing.assert_close(tensor, was, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", [CompiledFactor(200), Factor()])
@pytest.mark.parametrize("place", [0, 23, 24, 100, 199])
@pytest.mark.parametrize("bad", [-1.0, 0.0, math.nan])
def test_what_is_not_positive_definite_has_no_solution_and_does_no_harm(
    kind: CompiledFactor | Factor, place: int, bad: float
) -> None:  # fmt: skip
    matrix, diagonal, vector = system(200)
    broken = diagonal.clone()
    broken[place] = bad
    assert solved(kind, matrix, broken, vector) is None
    found = solved(kind, matrix, diagonal, vector)
    assert found is not None
    torch.testing.assert_close(whole_of(matrix, diagonal) @ found, vector)


def test_infinite_entries_have_no_solution() -> None:
    matrix, diagonal, vector = system(60)
    matrix[40, 3] = math.inf
    assert solved(CompiledFactor(60), matrix, diagonal, vector) is None


def test_threads_do_not_change_a_bit() -> None:
    matrix, diagonal, vector = system(700)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(solved(CompiledFactor(700), matrix, diagonal, vector))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    first, *others = found
    assert first is not None
    assert all(other is not None and torch.equal(first, other) for other in others)
