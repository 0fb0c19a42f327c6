"""The invariants of hyperbolic knots, by SnapPy."""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import pandas as pd
import snappy
from snappy.exceptions import SnapPeaFatalError

TRIES = 20
"""Triangulations tried for a hyperbolic structure, and then for each invariant."""
FAILURES = (RuntimeError, ValueError, SnapPeaFatalError)
"""What SnapPy raises where a computation does not come off."""

T = TypeVar("T")

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
    meridian, longitude, cusp = _first(cusp_shape, found)
    return {
        "name": name,
        "crossings": int(name[1:].replace("n", "a").partition("a")[0]),
        "alternating": "a" in name,
        "volume": float(found.volume()),
        "cusp_volume": cusp,
        "longitudinal_translation": longitude,
        "meridional_translation_real": meridian.real,
        "meridional_translation_imag": meridian.imag,
        "chern_simons": _first(chern_simons, found),
        "symmetry_group": symmetry_group(found),
        "signature": signature(given.link()),
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


def _first(work: Callable[[snappy.Manifold], T], knot: snappy.Manifold) -> T:
    for other in triangulations(knot, TRIES):
        with contextlib.suppress(*FAILURES):
            return work(other)
    raise RuntimeError(f"SnapPy fails on {TRIES} triangulations of {knot.name()}.")


def cusp_shape(knot: snappy.Manifold) -> tuple[complex, float, float]:
    """Translations of the maximal cusp along meridian and longitude, turned so that the latter is real; its volume.

    Measured on a smaller cusp, whose lengths grow by e to the distance that is left: SnapPy's own growing can fail.
    """
    cusp = knot.cusp_neighborhood()
    growth = math.exp(cusp.stopping_displacement() - cusp.get_displacement())
    meridian, longitude = (growth * complex(length) for length in cusp.translations(0))
    return meridian, longitude.real, growth**2 * float(cusp.volume())


def chern_simons(knot: snappy.Manifold) -> float:
    """The Chern-Simons invariant over 2 pi^2, defined modulo 1/2."""
    return float(knot.chern_simons())


def symmetry_group(knot: snappy.Manifold) -> str | None:
    """The group of isometries as SnapPy writes it ("0" is the trivial one); None where only a part of it is found."""
    try:
        group = knot.symmetry_group()
    except FAILURES:
        return None
    return str(group) if group.is_full_group() else None


def signature(link: snappy.Link) -> int:
    """The signature of a knot, with the sign that makes it -2 for the right-handed trefoil.

    Gordon and Litherland's way: the signature of the Goeritz matrix of one color of the chequered diagram, and a
    correction by the crossings where the colored surface cannot be oriented (Inventiones mathematicae 47, 1978).
    """
    face = {(corner.crossing, corner.strand_index): n for n, part in enumerate(link.faces()) for corner in part}
    edges = [(face[c, k], face[c, k + 2], 1 - 2 * k, c.sign) for c in link.crossings for k in (0, 1)]
    colored = _connected(0, [edge[:2] for edge in edges])
    place = {n: row for row, n in enumerate(sorted(colored))}
    goeritz, correction = np.zeros((len(place), len(place))), 0
    for one, other, kind, sign in edges:
        if one in colored:
            ends = np.zeros(len(place))
            ends[place[one]] += 1
            ends[place[other]] -= 1
            goeritz -= kind * np.outer(ends, ends)
            correction += kind * (kind == sign)
    return -int(np.sign(np.linalg.eigvalsh(goeritz[1:, 1:])).sum()) - correction


def _connected(start: int, edges: list[tuple[int, int]]) -> set[int]:
    """All that can be reached from the start."""
    reached, size = {start}, 0
    while size < len(reached):
        size = len(reached)
        for edge in edges:
            if reached & set(edge):
                reached |= set(edge)
    return reached
