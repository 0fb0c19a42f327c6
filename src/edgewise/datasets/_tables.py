"""The shipped tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgewise._errors import unknown

if TYPE_CHECKING:
    import pandas as pd

_FOLDER = Path(__file__).resolve().parent


def names() -> list[str]:
    """Return the names of the shipped tables, sorted.

    >>> names()
    ['knots', 'lynx', 'orbits', 'penguins']
    """
    return sorted(_files())


def path(name: str) -> Path:
    """Return the file of a shipped table; its provenance note is the `.md` beside it.

    Raises `InputError` for a name that is not among `names()`.

    >>> path("orbits").name
    'orbits.csv'
    """
    files = _files()
    if name not in files:
        raise unknown("dataset", name, files)
    return files[name]


def knots() -> pd.DataFrame:
    """Invariants of some 34 thousand hyperbolic knots: all to 13 crossings, a sample of those with 14 and 15.

    A row is a knot; `knots.md` beside the table explains the columns and names what is missing. Lengths and volumes
    are in units of hyperbolic space of curvature -1. With lambda the longitudinal translation, real, and mu the
    meridional translation, complex, of the maximal cusp

        slope = Re(lambda / mu),   signature = slope / 2 to within a few units,   cusp volume = lambda Im(mu) / 2.

    The signature is -2 for the right-handed trefoil. `short_geodesic_real`, `short_geodesic_imag` and
    `injectivity_radius` are NaN where they are not known: in nine rows of ten.

    >>> table = knots()
    >>> table.loc[table["name"] == "K4a1", ["volume", "signature"]].round(6).to_numpy().tolist()
    [[2.029883, 0.0]]

    Source: computed with SnapPy (Culler, Dunfield, Goerner and Weeks) from its census of knots, which is Hoste,
    Thistlethwaite and Weeks's; the columns are those of Davies et al., Advancing mathematics by guiding human intuition
    with AI, Nature 600 (2021).
    """
    import pandas as pd

    return pd.read_parquet(path("knots"))


def _files() -> dict[str, Path]:
    return {table.stem: table for kind in ("*.csv", "*.parquet") for table in _FOLDER.glob(kind)}
