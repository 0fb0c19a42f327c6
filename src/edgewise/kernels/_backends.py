"""What there is: the modules that implement a family on a device, their routes, and what they cost."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import NamedTuple

import torch

from edgewise.kernels._family import Family

#: (backend, family) -> module with `expand`, and for a sparse route `contract`, `pull_x`, `pull_c`
_MODULES = {
    ("numba", "bspline"): "edgewise.kernels.bspline.cpu",
    ("triton", "bspline"): "edgewise.kernels.bspline.gpu",
    ("triton", "chebyshev"): "edgewise.kernels.chebyshev.gpu",
    ("triton", "rbf"): "edgewise.kernels.rbf.gpu",
    ("triton", "fourier"): "edgewise.kernels.fourier.gpu",
    ("numba", "chebyshev"): "edgewise.kernels.chebyshev.cpu",
    ("numba", "rbf"): "edgewise.kernels.rbf.cpu",
    ("numba", "fourier"): "edgewise.kernels.fourier.cpu",
    ("numba", "rational"): "edgewise.kernels.rational.cpu",
}


class Sizes(NamedTuple):
    """What a choice depends on: rows, inputs, outputs, functions of an edge, dtype and kind of device."""

    rows: int
    n_in: int
    n_out: int
    count: int
    dtype: torch.dtype
    device: str


@cache
def module(backend: str, family: str) -> ModuleType:
    return importlib.import_module(_MODULES[backend, family])


@cache
def unavailable(backend: str, family: Family, dtype: torch.dtype) -> str | None:
    """Why a backend cannot serve a family and dtype; None where it can."""
    if (backend, family.name) not in _MODULES:
        return f"no {backend} kernels for {family.name}"
    if not dtype.is_floating_point:
        return f"no {backend} kernels for {dtype}"
    if backend == "numba":
        return None if find_spec("numba") else "numba is not installed"
    return module(backend, family.name).unavailable()  # type: ignore[no-any-return]


def routes(operation: str, family: Family) -> tuple[str, ...]:
    """The routes of an operation: only B-splines live on few cells, and a basis that is written out is dense."""
    return ("dense", "sparse") if family.name == "bspline" and operation != "expand" else ("dense",)


#: nanoseconds on one core: of evaluating a point, of one coefficient of one row times one output, of reading or
#: writing one coefficient in the other order. Measured by `edgewise bench routes`; they decide between routes only.
_SPARSE = {"contract": (1.0, 0.018, 1.0), "pull_x": (1.5, 0.0145, 1.0), "pull_c": (1.0, 0.025, 1.0)}
#: products of the dense route that take as long as one of the sparse route, on a GPU. Not measured yet: see
#: `benchmarks/gpu.py`.
_GPU_SPARSE = 8.0
_DENSE = (1.5, 0.35, 0.0145, 0.15)  # ... of a point, of each of its functions, of a product, of reading a coefficient


def milliseconds(route: str, operation: str, family: Family, sizes: Sizes) -> float:
    """About how long an operation takes, on one core or on a GPU."""
    if sizes.device == "cuda":
        products = _GPU_SPARSE * (family.size + 1) if route == "sparse" else sizes.count
        return 1e-10 * products * sizes.rows * sizes.n_in * sizes.n_out
    points, inner = sizes.rows * sizes.n_in, sizes.n_in * sizes.count * sizes.n_out
    wide = 2 if sizes.dtype == torch.float64 else 1
    if route == "sparse":
        point, product, coefficient = _SPARSE[operation]
        work = points * (point + wide * product * (family.size + 1) * max(sizes.n_out, 16 // wide))
        return 1e-6 * (work + wide * coefficient * inner)
    point, function, product, read = _DENSE
    work = points * (point + wide * sizes.count * (function + product * sizes.n_out))
    return 0.01 + 1e-6 * (work + wide * read * inner)  # several calls instead of one
