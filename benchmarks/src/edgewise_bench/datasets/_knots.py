"""The table of knots."""

from pathlib import Path

import pandas as pd

_FILE = Path(__file__).resolve().parent / "knots.parquet"


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
    return pd.read_parquet(_FILE)
