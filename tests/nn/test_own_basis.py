"""A basis that a user brings: through everything that the library does with its own."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial import legendre
from torch import Tensor

import edgewise as ew
from edgewise.bases import BASES, Basis, register

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


class Legendre(Basis):
    """P_0 .. P_G on the range; `grid` is the degree G, K = G + 1."""

    name = "legendre"
    max_grid = 50

    def count(self, grid: int) -> int:
        return grid + 1

    def grid(self, count: int) -> int:
        return count - 1

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        """(n + 1) P_{n+1} = (2 n + 1) u P_n - n P_{n-1}, differentiated `order` times by Leibniz' rule."""
        u = (2 * x - lo - hi) / (hi - lo)
        table = [
            [torch.ones_like(u), u],
            *([torch.zeros_like(u), torch.full_like(u, d == 1)] for d in range(1, order + 1)),
        ]
        for n in range(1, count - 1):
            for d in reversed(range(order + 1)):
                below = d * table[d - 1][n] if d else 0
                table[d].append(((2 * n + 1) * (u * table[d][n] + below) - n * table[d][n - 1]) / (n + 1))
        return torch.stack(table[order][:count], dim=-1) * (2 / (hi - lo)).unsqueeze(-1) ** order


@dataclass(frozen=True)
class Bernstein(Basis):
    """Polynomials of a fixed degree; `grid` counts nothing but the degree, and `name` holds no parameter."""

    name = "bernstein"
    max_grid = 12
    nested = False

    def count(self, grid: int) -> int:
        return grid + 1

    def grid(self, count: int) -> int:
        return count - 1

    def inside(self, x: Tensor, lo: Tensor, hi: Tensor, count: int, order: int) -> Tensor:
        t, n = (x - lo) / (hi - lo), count - 1 - order
        if n < 0:
            return torch.zeros(*x.shape, count, dtype=x.dtype)
        k = torch.arange(n + 1, dtype=x.dtype)
        binomial = torch.tensor([math.comb(n, m) for m in range(n + 1)], dtype=x.dtype)
        lower = binomial * t.unsqueeze(-1) ** k * (1 - t).unsqueeze(-1) ** (n - k)
        for d in range(order):  # B'_{k,n} = n (B_{k-1,n-1} - B_{k,n-1})
            pad = torch.nn.functional.pad
            lower = (n + 1 + d) * (pad(lower, (1, 0)) - pad(lower, (0, 1)))
        return lower / (hi - lo).unsqueeze(-1) ** order


@pytest.fixture
def registered() -> Iterator[None]:
    register(Legendre())
    yield
    del BASES["legendre"]


def rows(count: int = 600, seed: int = 0) -> Tensor:
    return 2 * torch.rand(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1


def error(model: ew.KAN, x: Tensor, y: Tensor) -> float:
    return float((model(x)[:, 0] - y).detach().abs().max())


def target(x: Tensor) -> Tensor:
    return torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)


@pytest.mark.parametrize("order", range(4))
def test_the_tests_own_basis_is_what_it_says(order: int) -> None:
    x = torch.linspace(-2, 3, 50, dtype=torch.float64).unsqueeze(1)
    ends = torch.tensor([[-2.0, 3.0]]).double()
    found = Legendre().evaluate(x, ends, 7, order)[:, 0].numpy()
    for n in range(7):
        series = legendre.Legendre.basis(n, domain=[-2, 3])
        np.testing.assert_allclose(found[:, n], (series.deriv(order) if order else series)(x[:, 0].numpy()), atol=1e-11)


@pytest.mark.parametrize("basis", [Legendre(), Bernstein()], ids=repr)
def test_it_differentiates_in_every_mode_and_runs_on_plain_torch(basis: Basis) -> None:
    layer = ew.nn.KANLayer(2, 3, basis=basis, grid=4, dtype=torch.float64, base=None)
    x = (1.5 * rows(5)).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(layer, (x,), check_fwd_over_rev=True)
    torch.testing.assert_close(torch.func.jacfwd(layer)(x.detach()), torch.func.jacrev(layer)(x.detach()))
    chosen = ew.kernels.explain(100, 2, 3, family=basis, count=5)["contract"]
    assert chosen == ("reference", "dense", f"no numba kernels for {basis.name}")


def test_it_is_fitted_and_its_grid_is_refined() -> None:
    x = rows()
    result = ew.fit(ew.KAN([2, 1, 1], basis=Legendre(), grid=4), x, target(x), grids=[6, 14, 24])
    assert error(result.model, x, target(x)) < 1e-6
    assert result.model.layers[0].grid == 24 and isinstance(result.model.layers[0].basis, Legendre)


def test_it_is_pruned_and_snapped() -> None:
    x = torch.cat([rows(), rows(seed=1)], dim=1)
    y = torch.sin(2 * x[:, 0]) + x[:, 2] ** 2
    fitted = ew.fit(ew.KAN([4, 1], basis=Legendre()), x, y).model
    small = ew.prune(fitted, x, y).model
    assert small.layers[0].mask.tolist() == [[True, False, True, False]]
    assert isinstance(small.layers[0].basis, Legendre)
    snapped = ew.symbolic.snap(small, x, y).model
    assert {name for layer in snapped.layers for name in layer.symbols.values()} == {"sin", "x^2"}
    assert error(snapped, x, y) < 1e-8


@pytest.mark.parametrize("basis", [Legendre(), Bernstein()], ids=repr)
def test_it_is_exported(basis: Basis, tmp_path: Path) -> None:
    model = ew.KAN([2, (1, 1), 1], basis=basis, grid=7, domain=(-1.0, 0.5), base="silu")
    x = 1.5 * rows(200)
    expected = model(x).detach().numpy()[:, 0]
    space: dict[str, Any] = {}
    exec(compile(ew.export.numpy(model), "exported", "exec"), space)  # noqa: S102 (a text that edgewise wrote)
    np.testing.assert_allclose(space["f"](*x.T.numpy()), expected, rtol=0, atol=1e-12)
    if COMPILER is None:
        return
    loop = 'double a, b; while (scanf("%lf %lf", &a, &b) == 2) printf("%.17g\\n", f(a, b)); return 0;'
    source, program = tmp_path / "f.c", tmp_path / "f"
    source.write_text(f"#include <stdio.h>\n{ew.export.c(model)}\nint main(void) {{ {loop} }}\n", encoding="utf-8")
    subprocess.run([COMPILER, "-std=c99", "-Wall", "-Werror", "-o", str(program), str(source), "-lm"], check=True)
    given = "\n".join(f"{a!r} {b!r}" for a, b in x.tolist())
    done = subprocess.run([str(program)], input=given, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(np.array(done.stdout.split(), dtype=float), expected, rtol=0, atol=1e-12)


def test_a_registered_one_is_known_by_name_saved_and_loaded(registered: None, tmp_path: Path) -> None:
    model, path = ew.KAN([2, 2, 1], basis="legendre"), tmp_path / "model.safetensors"
    assert model.layers[0].basis == Legendre()
    ew.save(model, path)
    assert torch.equal(ew.load(path)(rows(20)), model(rows(20)))


def test_one_that_is_not_registered_is_refused_by_name_when_saved_and_when_loaded(
    registered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    ew.save(ew.KAN([2, 2, 1], basis=Legendre()), path)
    with monkeypatch.context() as patch:
        patch.delitem(BASES, "legendre")
        with pytest.raises(ew.InputError, match=r"none is known as 'legendre': register"):
            ew.save(ew.KAN([2, 2, 1], basis=Legendre()), path)
        with pytest.raises(ew.InputError, match=r"basis 'legendre'.*register the basis with edgewise\.bases\.register"):
            ew.load(path)
        with pytest.raises(ew.InputError, match="Unknown basis 'legendre'"):
            ew.KAN([2, 1], basis="legendre")  # type: ignore[arg-type]


def test_a_name_is_taken_once(registered: None) -> None:
    class Other(Legendre):
        max_grid = 3

    register(Legendre())
    with pytest.raises(ew.InputError, match="There is a basis 'legendre' already"):
        register(Other())
    with pytest.raises(ew.InputError, match=r"derived from edgewise\.bases\.Basis"):
        register(Legendre)  # type: ignore[arg-type]


def test_a_degree_is_that_of_bsplines_alone() -> None:
    with pytest.raises(ew.InputError, match="'legendre' takes none"):
        ew.KAN([2, 1], basis=Legendre(), degree=2)


def test_a_basis_must_say_what_its_functions_are() -> None:
    class Nothing(Legendre):
        inside = Basis.inside

    with pytest.raises(NotImplementedError, match="Nothing must define `inside`"):
        ew.KAN([2, 1], basis=Nothing())(rows(3))
