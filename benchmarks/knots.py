"""Makes the table of hyperbolic knots that ships with edgewise: `pip install "edgewise[knots]"`, then run this.

    python benchmarks/knots.py --out src/edgewise/datasets/knots.parquet

The work is split into chunks, each stored as soon as it is measured: a run that was stopped goes on where it was.
Everything is drawn from the seed, SnapPy's own random numbers too.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import snappy
from joblib import Parallel, delayed
from snappy.exceptions import SnapPeaFatalError

ALL_UP_TO = 13
SAMPLED = {14: 8000, 15: 13000}
CHUNK = 100
TRIES = 20
"""Triangulations tried for a hyperbolic structure, and for the Chern-Simons invariant."""

_GEOMETRIC = "all tetrahedra positively oriented"
FAILURES = (RuntimeError, ValueError, SnapPeaFatalError)
"""What SnapPy raises where a computation does not come off."""


def choose(seed: int) -> list[str]:
    """The names of the knots to measure, by crossings."""
    rng = np.random.default_rng(seed)
    chosen = []
    for crossings in range(3, max(SAMPLED) + 1):
        names = census(crossings)
        if crossings > ALL_UP_TO:
            names = [names[place] for place in np.sort(rng.choice(len(names), SAMPLED[crossings], replace=False))]
        chosen += names
    return chosen


def census(crossings: int) -> list[str]:
    """The names of all prime knots of that many crossings, as Hoste, Thistlethwaite and Weeks number them.

    K9a1 to K9a41 are alternating, K9n1 to K9n8 are not.
    """
    knots = snappy.HTLinkExteriors(knots_vs_links="knots", crossings=crossings)
    last = knots[-1].name()
    others = int(last.partition("n")[2] or 0)
    return [f"K{crossings}a{n + 1}" for n in range(len(knots) - others)] + [
        f"K{crossings}n{n + 1}" for n in range(others)
    ]


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


def invariants(names: list[str], seed: int) -> pd.DataFrame:
    """A row for each of the knots that is hyperbolic."""
    return pd.DataFrame([row for name in names if (row := measure(name, seed))])


def survey(
    work: Callable[[list[str], int], pd.DataFrame], names: list[str], seed: int, workers: int, folder: Path
) -> pd.DataFrame:
    """All that `work` makes of the knots, chunk after chunk; the chunks that lie in the folder are taken from there."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    jobs = (delayed(_stored)(work, part, seed, folder / f"{n:04d}.parquet") for n, part in enumerate(parts))
    found = []
    for frame in Parallel(n_jobs=workers, return_as="generator")(jobs):
        found.append(frame)
        print(f"\r{folder.name}: {len(found)} of {len(parts)} chunks", end="", flush=True)
    print()
    return pd.concat(found, ignore_index=True)


def _stored(work: Callable[[list[str], int], pd.DataFrame], names: list[str], seed: int, path: Path) -> pd.DataFrame:
    if not path.exists():
        part = path.with_suffix(".part")
        work(names, seed).to_parquet(part, compression="zstd")
        part.rename(path)
    return pd.read_parquet(path)


def main() -> None:
    """Read the command line, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chunks", type=Path, default=Path("build/knots"), help="where unfinished work is kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    table = survey(invariants, choose(given.seed), given.seed, given.workers, given.chunks / "invariants")
    table.to_parquet(given.out, compression="zstd", index=False)


if __name__ == "__main__":
    main()
