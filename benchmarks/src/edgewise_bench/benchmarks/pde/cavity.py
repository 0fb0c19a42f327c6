"""The flow in a driven cavity, by finite differences on two meshes, next to published values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.sparse import bmat, csr_matrix, diags, identity, kron
from scipy.sparse.linalg import splu

from edgewise._typing import Array
from edgewise_bench.benchmarks.pde.references import Reference

REYNOLDS = 100.0
_HEIGHTS = (0, 7, 8, 9, 13, 22, 36, 58, 64, 79, 94, 109, 122, 123, 124, 125, 128)  # of 128
_SPEEDS = (
    0.0, -0.03717, -0.04192, -0.04775, -0.06434, -0.10150, -0.15662, -0.21090, -0.20581, -0.13641, 0.00332, 0.23151,
    0.68717, 0.73722, 0.78871, 0.84123, 1.0,
)  # fmt: skip
_MESHES, _STEPS = (64, 128), 8


def ghia() -> Reference:
    """Return the horizontal speed on the vertical centerline as Ghia, Ghia and Shin print it.

    Source: Journal of Computational Physics 48 (1982), table I, Re = 100, a mesh of 129 x 129. It is 5.1e-3 (relative
    L2) from the solution that `cavity` extrapolates.
    """
    return Reference(_centerline(), torch.tensor(_SPEEDS, dtype=torch.float64))


def cavity(meshes: tuple[int, int] = _MESHES) -> Reference:
    """Return the same speeds by second-order differences of two meshes, extrapolated to none."""
    coarse, fine = (_speeds(stream(n)) for n in meshes)
    ratio = (meshes[1] / meshes[0]) ** 2
    return Reference(_centerline(), torch.from_numpy(fine + (fine - coarse) / (ratio - 1)))


def stream(n: int) -> Array:
    """Return the stream function at the nodes of a mesh of n x n cells, by Newton's method: (n + 1, n + 1)."""
    plan = _Plan.of(n)
    size = (n - 1) ** 2
    psi, vorticity = np.zeros(size), np.zeros(size)
    order = np.arange(2 * size).reshape(2, size).T.ravel()  # both unknowns of a node together
    for _ in range(_STEPS):
        u, v = plan.dy @ psi, -(plan.dx @ psi)
        by_x = plan.dx @ vorticity + plan.wall_x @ psi
        by_y = plan.dy @ vorticity + plan.wall_y @ psi + plan.lid / (2 / n)
        curved = plan.laplace @ vorticity + plan.wall @ psi + plan.lid * n**2
        left = np.concatenate([u * by_x + v * by_y - curved / REYNOLDS, plan.laplace @ psi + vorticity])
        by_vorticity = diags(u) @ plan.dx + diags(v) @ plan.dy - plan.laplace / REYNOLDS
        by_psi = diags(by_x) @ plan.dy - diags(by_y) @ plan.dx
        by_psi = by_psi + diags(u) @ plan.wall_x + diags(v) @ plan.wall_y - plan.wall / REYNOLDS
        matrix = bmat([[by_psi, by_vorticity], [plan.laplace, identity(size)]]).tocsr()[order][:, order]
        step = np.empty(2 * size)
        step[order] = splu(matrix.tocsc()).solve(left[order])
        psi, vorticity = psi - step[:size], vorticity - step[size:]
    whole = np.zeros((n + 1, n + 1))
    whole[1:-1, 1:-1] = psi.reshape(n - 1, n - 1)
    return whole


class _Plan(NamedTuple):
    """Differences inside, and what the vorticity of the walls adds: a multiple of the stream function, and the lid's.

    At a wall it is  (psi_2 - 8 psi_1) / (2 h^2),  at the lid  - 3 / h  more: Briley's formula, of second order.
    """

    dx: Any
    dy: Any
    laplace: Any
    wall_x: Any
    wall_y: Any
    wall: Any
    lid: Array

    @classmethod
    def of(cls, n: int) -> _Plan:
        m, h = n - 1, 1 / n
        one = identity(m, format="csr")
        before, after = np.eye(m, k=-1), np.eye(m, k=1)
        first = csr_matrix((after - before) / (2 * h))
        second = csr_matrix((after - 2 * np.eye(m) + before) / h**2)
        low, high = np.zeros((m, m)), np.zeros((m, m))
        low[0, :2] = high[-1, :-3:-1] = np.array([-8.0, 1.0]) / (2 * h**2)
        both, across = csr_matrix(low + high) / h**2, csr_matrix(high - low) / (2 * h)
        lid = np.zeros((m, m))
        lid[:, -1] = -3 / h
        return cls(
            kron(first, one).tocsr(), kron(one, first).tocsr(), (kron(second, one) + kron(one, second)).tocsr(),
            kron(across, one).tocsr(), kron(one, across).tocsr(), (kron(both, one) + kron(one, both)).tocsr(),
            lid.ravel(),
        )  # fmt: skip


def _speeds(psi: Array) -> Array:
    """Return the speeds at Ghia's heights: fourth-order differences on the centerline, and a spline."""
    n = len(psi) - 1
    line, speeds = psi[n // 2], np.zeros(n + 1)
    speeds[2:-2] = (line[:-4] - 8 * line[1:-3] + 8 * line[3:-1] - line[4:]) * n / 12
    uneven = np.array([-3.0, -10.0, 18.0, -6.0, 1.0]) * n / 12
    speeds[1], speeds[-2], speeds[-1] = uneven @ line[:5], -uneven @ line[:-6:-1], 1.0
    return CubicSpline(np.linspace(0, 1, n + 1), speeds)(np.array(_HEIGHTS) / 128)


def _centerline() -> torch.Tensor:
    y = torch.tensor(_HEIGHTS, dtype=torch.float64) / 128
    return torch.stack([torch.full_like(y, 0.5), y], dim=1)
