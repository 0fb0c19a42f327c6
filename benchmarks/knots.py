"""Makes the table of hyperbolic knots of edgewise_bench.datasets: `pip install "edgewise-bench[knots]"`, then run this.

    python benchmarks/knots.py --out benchmarks/src/edgewise_bench/datasets/knots.parquet

The work is split into chunks, each stored as soon as it is measured: a run that was stopped goes on where it was.
Everything is drawn from the seed, SnapPy's own random numbers too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import snappy
from joblib import Parallel, delayed
from knot_geodesics import geodesics
from knot_invariants import invariants

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


if __name__ == "__main__":
    main()
