"""The invariants of hyperbolic knots, by SnapPy."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
import snappy
from snappy.exceptions import SnapPeaFatalError

TRIES = 20
"""Triangulations tried for a hyperbolic structure, and for the Chern-Simons invariant."""
FAILURES = (RuntimeError, ValueError, SnapPeaFatalError)
"""What SnapPy raises where a computation does not come off."""

_GEOMETRIC = "all tetrahedra positively oriented"


def invariants(names: list[str], seed: int) -> pd.DataFrame:
    """A row for each of the knots that is hyperbolic."""
    return pd.DataFrame([row for name in names if (row := measure(name, seed))])


def measure(name: str, seed: int) -> dict[str, object] | None:
    """The invariants of one knot; None for a knot without a hyperbolic structure (a torus or satellite knot)."""
    given = snappy.HTLinkExteriors[name]
    snappy.set_rand_seed(draw(name, seed))
    found = next((m for m in triangulations(given, TRIES) if m.solution_type() == _GEOMETRIC), None)
    if found is None:
        return None
    meridian, longitude, cusp = cusp_shape(found)
    return {
        "name": name,
        "crossings": int(name[1:].replace("n", "a").partition("a")[0]),
        "alternating": "a" in name,
        "volume": float(found.volume()),
        "cusp_volume": cusp,
        "longitudinal_translation": longitude,
        "meridional_translation_real": meridian.real,
        "meridional_translation_imag": meridian.imag,
        "chern_simons": chern_simons(found),
        "symmetry_group": symmetry_group(found),
        "signature": signature(given.link().seifert_matrix()),
    }


def draw(name: str, seed: int) -> int:
    """The seed of SnapPy's random numbers for this knot."""
    return zlib.crc32(f"{seed} {name}".encode()) % 2**31


def triangulations(knot: snappy.Manifold, count: int) -> Iterator[snappy.Manifold]:
    """The triangulation itself, then random ones of the same manifold; meridian and longitude stay what they are."""
    yield knot
    for _ in range(count - 1):
        other = knot.copy()
        other.randomize()
        yield other


def cusp_shape(knot: snappy.Manifold) -> tuple[complex, float, float]:
    """Translations of the maximal cusp along meridian and longitude, turned so that the latter is real; its volume."""
    cusp = knot.cusp_neighborhood()
    cusp.set_displacement(cusp.stopping_displacement())
    meridian, longitude = (complex(length) for length in cusp.translations(0))
    return meridian, longitude.real, float(cusp.volume())


def chern_simons(knot: snappy.Manifold) -> float | None:
    """The Chern-Simons invariant over 2 pi^2, defined modulo 1/2; None where SnapPy finds it on no triangulation."""
    for other in triangulations(knot, TRIES):
        try:
            return float(other.chern_simons())
        except FAILURES:
            continue
    return None


def symmetry_group(knot: snappy.Manifold) -> str | None:
    """The group of isometries as SnapPy writes it ("0" is the trivial one); None where only a part of it is found."""
    try:
        group = knot.symmetry_group()
    except FAILURES:
        return None
    return str(group) if group.is_full_group() else None


def signature(seifert: list[list[int]]) -> int:
    """The signature of V + V^T with the sign that makes it -2 for the right-handed trefoil."""
    form = np.array(seifert, dtype=float)
    return -int(np.sign(np.linalg.eigvalsh(form + form.T)).sum())
