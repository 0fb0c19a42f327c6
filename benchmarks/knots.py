"""Makes the table of hyperbolic knots of edgewise_bench.datasets, by SnapPy.

    pip install "edgewise-bench[knots]"
    python benchmarks/knots.py --out benchmarks/src/edgewise_bench/datasets/knots.parquet

The work is split into chunks, each stored as soon as it is measured: a run that was stopped goes on where it was.
Everything is drawn from the seed, SnapPy's own random numbers too. SnapPy's construction of a Dirichlet domain, which
has the shortest geodesic, fails on many triangulations and never ends on some, so that random ones are tried, in a
child process which a timer ends.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import pickle
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import pandas as pd
import snappy
from joblib import Parallel, delayed
from snappy.exceptions import SnapPeaFatalError

ALL_UP_TO = 13
SAMPLED = {14: 8000, 15: 13000}
GEODESICS = 4000
"""Knots, of all that are chosen, drawn to have their shortest geodesic sought: that takes the longest."""
CHUNK = 100
COLUMNS = (
    "name", "crossings", "alternating", "signature", "volume", "cusp_volume", "longitudinal_translation",
    "meridional_translation_real", "meridional_translation_imag", "chern_simons", "symmetry_group",
    "short_geodesic_real", "short_geodesic_imag", "injectivity_radius",
)  # fmt: skip


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
    kinds = ("a", len(knots) - others), ("n", others)
    return [f"K{crossings}{kind}{n + 1}" for kind, count in kinds for n in range(count)]


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


def assemble(rows: pd.DataFrame, short: pd.DataFrame) -> pd.DataFrame:
    """The table as it is stored: numbers to twelve decimals, the geodesics where they are known."""
    table = rows.merge(short, on="name", how="left", validate="one_to_one")
    table["injectivity_radius"] = table["short_geodesic_real"] / 2
    table["symmetry_group"] = table["symmetry_group"].astype("category")
    numbers = table.select_dtypes("float").columns
    table[numbers] = table[numbers].round(12) + 0.0  # no negative zeros
    return table.astype({"crossings": "int8", "signature": "int8"})[list(COLUMNS)]


def main() -> None:
    """Read the command line, measure, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--chunks", type=Path, default=Path("build/knots"), help="where unfinished work is kept")
    parser.add_argument("--geodesics", type=int, default=GEODESICS, help="knots whose shortest geodesics are sought")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    names = choose(given.seed)
    order = np.random.default_rng(given.seed).permutation(len(names))
    drawn = [names[place] for place in order[: given.geodesics]]
    rows = survey(invariants, names, given.seed, given.workers, given.chunks / "invariants")
    short = survey(geodesics, drawn, given.seed, given.workers, given.chunks / "geodesics")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    assemble(rows, short).to_parquet(given.out, compression="zstd", compression_level=19, index=False)


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
    meridian, longitude, cusp = _on_first(cusp_shape, found)
    return {
        "name": name,
        "crossings": int(name[1:].replace("n", "a").partition("a")[0]),
        "alternating": "a" in name,
        "volume": float(found.volume()),
        "cusp_volume": cusp,
        "longitudinal_translation": longitude,
        "meridional_translation_real": meridian.real,
        "meridional_translation_imag": meridian.imag,
        "chern_simons": _on_first(chern_simons, found),
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


def _on_first(work: Callable[[snappy.Manifold], T], knot: snappy.Manifold) -> T:
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


ATTEMPTS = 20
"""Triangulations tried for one knot."""
STALLS, PATIENCE = 4, 0.2
"""How many of them may be given up, and after how many processor seconds."""


def geodesics(names: list[str], seed: int) -> pd.DataFrame:
    """A row for each of the knots: name, length and angle of the shortest closed geodesic, NaN where none is found."""
    found = _searched(names, seed)
    lengths = [complex("nan+nanj") if length is None else length for length in found.values()]
    columns = {"short_geodesic_real": [x.real for x in lengths], "short_geodesic_imag": [x.imag for x in lengths]}
    return pd.DataFrame({"name": list(found), **columns})


def _searched(names: list[str], seed: int) -> dict[str, complex | None]:
    """What was found for each knot; where a timer has ended the child, another one goes on behind that attempt."""
    found: dict[str, complex | None] = {}
    number = stalls = 0
    while len(found) < len(names):
        for name, length in _reports(names[len(found) :], number, seed):
            if length or number == ATTEMPTS - 1:
                found[name] = length
                number = stalls = 0
            else:
                number += 1
        if len(found) < len(names):
            number, stalls = number + 1, stalls + 1
            if number == ATTEMPTS or stalls == STALLS:
                found[names[len(found)]] = None
                number = stalls = 0
    return found


def attempt(name: str, number: int, seed: int) -> complex | None:
    """Complex length of the shortest closed geodesic, by way of one triangulation; None where that one fails."""
    knot = snappy.HTLinkExteriors[name]
    snappy.set_rand_seed(draw(f"{name} {number}", seed))
    if number:
        knot.randomize()
    try:
        domain = knot.dirichlet_domain(maximize_injectivity_radius=False)
        right = abs(float(domain.volume()) - float(knot.volume())) < 1e-6
        return shortest_geodesic(domain) if right else None
    except FAILURES:
        return None


def shortest_geodesic(domain: snappy.DirichletDomain) -> complex:
    """Complex length of the shortest closed geodesic; among equally long ones, that of the smallest angle."""
    for cutoff in (1.0, 1.5, 2.0, 2.5, 3.0):
        lengths = [complex(info.length) for info in domain.length_spectrum_dicts(cutoff, multiplicities=False)]
        if lengths:
            least = min(length.real for length in lengths)
            return min((length for length in lengths if length.real < least + 1e-7), key=lambda length: length.imag)
    raise RuntimeError("No closed geodesic of length 3 or less.")


def _reports(names: list[str], first: int, seed: int) -> Iterator[tuple[str, complex | None]]:
    """Name and result of one attempt after the other, from a child process, until it is done or ended."""
    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(out, "wb") as pipe:
            _attempt_all(names, first, seed, pipe)
        os._exit(0)
    os.close(out)
    with os.fdopen(back, "rb") as pipe, contextlib.suppress(EOFError):
        while True:
            yield pickle.load(pipe)
    os.waitpid(child, 0)


def _attempt_all(names: list[str], first: int, seed: int, pipe: BinaryIO) -> None:
    for name in names:
        for number in range(first, ATTEMPTS):
            signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
            found = attempt(name, number, seed)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            pickle.dump((name, found), pipe)
            pipe.flush()
            if found:
                break
        first = 0


if __name__ == "__main__":
    main()
