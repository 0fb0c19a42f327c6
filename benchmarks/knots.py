"""Makes the table of hyperbolic knots that ships with edgewise: `pip install "edgewise[knots]"`, then run this.

    python benchmarks/knots.py --out src/edgewise/datasets/knots.parquet

The work is split into chunks, each stored as soon as it is measured: a run that was stopped goes on where it was.
Everything is drawn from the seed, SnapPy's own random numbers too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import snappy
from joblib import Parallel, delayed
from snappy.exceptions import SnapPeaFatalError

ALL_UP_TO = 13
SAMPLED = {14: 8000, 15: 13000}
CHUNK = 100
STRUCTURES, INVARIANTS, DOMAINS = 20, 10, 30
"""Triangulations tried for a hyperbolic structure, for the Chern-Simons invariant and for a Dirichlet domain."""

_GEOMETRIC = "all tetrahedra positively oriented"
_FAILURES = (RuntimeError, ValueError, SnapPeaFatalError)


def choose(seed: int) -> list[tuple[int, int]]:
    """The knots to measure, as (crossings, place in SnapPy's census of that many crossings)."""
    rng = np.random.default_rng(seed)
    chosen = []
    for crossings in range(3, max(SAMPLED) + 1):
        count = len(_census(crossings))
        size = count if crossings <= ALL_UP_TO else SAMPLED[crossings]
        chosen += [(crossings, int(place)) for place in np.sort(rng.choice(count, size, replace=False))]
    return chosen


def measure(crossings: int, place: int, seed: int) -> dict[str, object] | None:
    """The invariants of one knot; None for a knot without a hyperbolic structure (a torus or satellite knot)."""
    snappy.set_rand_seed((seed * 1_000_003 + crossings * 300_007 + place) % 2**31)
    given = _census(crossings)[place]
    found = next((m for m in _triangulations(given, STRUCTURES) if m.solution_type() == _GEOMETRIC), None)
    if found is None:
        return None
    meridian, longitude, cusp = cusp_shape(found)
    domain = dirichlet_domain(found)
    short = None if domain is None else shortest_geodesic(domain)
    return {
        "name": given.name(),
        "crossings": crossings,
        "alternating": "a" in given.name(),
        "volume": float(found.volume()),
        "cusp_volume": cusp,
        "longitudinal_translation": longitude,
        "meridional_translation_real": meridian.real,
        "meridional_translation_imag": meridian.imag,
        "chern_simons": chern_simons(found),
        "short_geodesic_real": None if short is None else short.real,
        "short_geodesic_imag": None if short is None else short.imag,
        "symmetry_group": symmetry_group(found),
        "signature": signature(given.link().seifert_matrix()),
        "domain": None if domain is None else [float(x) for m in domain.pairing_matrices() for x in m.list()],
    }


def cusp_shape(knot: snappy.Manifold) -> tuple[complex, float, float]:
    """Translations along the meridian and along the longitude (turned to be real) of the maximal cusp, and its volume."""
    cusp = knot.cusp_neighborhood()
    cusp.set_displacement(cusp.stopping_displacement())
    meridian, longitude = (complex(length) for length in cusp.translations(0))
    return meridian, longitude.real, float(cusp.volume())


def chern_simons(knot: snappy.Manifold) -> float | None:
    """The Chern-Simons invariant over 2 pi^2, defined modulo 1/2; None where SnapPy finds it on no triangulation."""
    for other in _triangulations(knot, INVARIANTS):
        try:
            return float(other.chern_simons())
        except _FAILURES:
            continue
    return None


def symmetry_group(knot: snappy.Manifold) -> str | None:
    """The group of isometries as SnapPy writes it ("0" is the trivial one); None where only a part of it is found."""
    try:
        group = knot.symmetry_group()
    except _FAILURES:
        return None
    return str(group) if group.is_full_group() else None


def signature(seifert: list[list[int]]) -> int:
    """The signature of V + V^T with the sign that makes it -2 for the right-handed trefoil."""
    form = np.array(seifert, dtype=float)
    return -int(np.sign(np.linalg.eigvalsh(form + form.T)).sum())


def dirichlet_domain(knot: snappy.Manifold) -> snappy.DirichletDomain | None:
    """The first Dirichlet domain that comes out with the knot's volume, from randomised triangulations."""
    for other in _triangulations(knot, DOMAINS):
        try:
            domain = other.dirichlet_domain(maximize_injectivity_radius=False)
            if abs(float(domain.volume()) - float(knot.volume())) < 1e-6:
                return domain
        except _FAILURES:
            continue
    return None


def shortest_geodesic(domain: snappy.DirichletDomain) -> complex | None:
    """Complex length of the shortest closed geodesic; among equally long ones, that of the smallest angle."""
    for cutoff in (1.0, 1.5, 2.0, 2.5, 3.0):
        lengths = [complex(info.length) for info in domain.length_spectrum_dicts(cutoff, multiplicities=False)]
        if lengths:
            least = min(length.real for length in lengths)
            return min((c for c in lengths if c.real < least + 1e-7), key=lambda c: c.imag)
    return None


def _census(crossings: int):
    return snappy.HTLinkExteriors(knots_vs_links="knots", crossings=crossings)


def _triangulations(knot: snappy.Manifold, count: int):
    """The triangulation itself, then random ones of the same manifold; meridian and longitude stay what they are."""
    yield knot
    for _ in range(count - 1):
        other = knot.copy()
        other.randomize()
        yield other


def _chunk(number: int, knots: list[tuple[int, int]], seed: int, folder: Path) -> Path:
    path = folder / f"{number:04d}.parquet"
    if not path.exists():
        rows = [row for crossings, place in knots if (row := measure(crossings, place, seed))]
        part = path.with_suffix(".part")
        pd.DataFrame(rows).to_parquet(part, compression="zstd")
        part.rename(path)
    return path


def survey(seed: int, workers: int, folder: Path) -> list[Path]:
    """Measure all chosen knots, chunk after chunk; the files that hold them."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = choose(seed)
    parts = [chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK)]
    jobs = (delayed(_chunk)(number, part, seed, folder) for number, part in enumerate(parts))
    done = []
    for path in Parallel(n_jobs=workers, return_as="generator")(jobs):
        done.append(path)
        print(f"\r{len(done)} of {len(parts)} chunks of {CHUNK} knots", end="", flush=True)
    print()
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chunks", type=Path, default=Path("build/knots"), help="where unfinished work is kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    survey(given.seed, given.workers, given.chunks)


if __name__ == "__main__":
    main()
