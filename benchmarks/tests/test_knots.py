"""The table of knots: what it promises, and how it is made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edgewise_bench import datasets

KNOWN = {
    "K4a1": (2.029883212819307, 0),
    "K5a1": (2.828122088330783, 2),
    "K12n242": (2.828122088330783, -8),
}
"""Volume and size of the signature, by the literature: 4_1, 5_2, and the pretzel knot (-2, 3, 7) of equal volume."""
MAY_BE_MISSING = ["short_geodesic_real", "short_geodesic_imag", "injectivity_radius"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return datasets.knots()


def test_thirty_thousand_knots_and_no_gaps_but_where_the_note_says(table: pd.DataFrame) -> None:
    assert len(table) >= 30_000 and table["name"].is_unique
    gaps = table.isna().any()
    assert list(gaps[gaps].index) == MAY_BE_MISSING
    assert table[MAY_BE_MISSING].isna().nunique(axis=1).eq(1).all()
    assert (table["alternating"] == table["name"].str.contains("a")).all()


def test_all_hyperbolic_knots_to_thirteen_crossings(table: pd.DataFrame) -> None:
    """Hoste, Thistlethwaite and Weeks's counts of prime knots, less the torus knots and two satellites."""
    prime = {4: 1, 5: 2, 6: 3, 7: 7, 8: 21, 9: 49, 10: 165, 11: 552, 12: 2176, 13: 9988}
    others = {5: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 1, 13: 1 + 2}
    counts = table["crossings"].value_counts()
    assert all(counts[crossings] == count - others.get(crossings, 0) for crossings, count in prime.items())


def test_the_relations_hold(table: pd.DataFrame) -> None:
    longitude, real, imag = (
        table[name].to_numpy()
        for name in ("longitudinal_translation", "meridional_translation_real", "meridional_translation_imag")
    )
    np.testing.assert_allclose(2 * table["cusp_volume"], longitude * imag, rtol=1e-9)
    assert (table["signature"] % 2 == 0).all()
    slope = longitude * real / (real**2 + imag**2)
    assert np.corrcoef(slope, table["signature"])[0, 1] > 0.96
    known = table.dropna()
    assert (known["injectivity_radius"] * 2 - known["short_geodesic_real"]).abs().max() < 1e-11
    assert (table["volume"] > 2.02988).all()


def test_known_knots(table: pd.DataFrame) -> None:
    rows = table.set_index("name")
    for name, (volume, signature) in KNOWN.items():
        assert rows.loc[name, "volume"] == pytest.approx(volume, abs=1e-9)
        assert abs(rows.loc[name, "signature"]) == abs(signature)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # from Python 3.12 on, of its fork
def test_the_generator_makes_the_rows_that_are_stored(table: pd.DataFrame) -> None:
    pytest.importorskip("snappy")
    from knots import assemble, geodesics, invariants

    names = ["K3a1", "K4a1", "K5a1", "K8a5"]
    made = assemble(invariants(names, 0), geodesics(names, 0)).set_index("name")
    assert list(made.index) == names[1:]
    stored = table.set_index("name").loc[names[1:]]
    numbers = [name for name in stored.select_dtypes("number") if name not in MAY_BE_MISSING]
    np.testing.assert_allclose(made[numbers], stored[numbers], rtol=1e-8, atol=1e-8)
    assert made["short_geodesic_real"].to_numpy() == pytest.approx([1.087070145, 0.562399149, 1.509074635], abs=1e-8)
    assert made["symmetry_group"].tolist() == stored["symmetry_group"].tolist()


def test_signatures_of_known_knots() -> None:
    """The trefoils, 5_1 and 8_19 as positive or negative braids, the figure eight; each by its Seifert matrix too."""
    snappy = pytest.importorskip("snappy")
    from knots import signature

    knots = (([1, 1, 1], -2), ([-1, -1, -1], 2), ([1] * 5, -4), ([1, 2] * 4, -6), ([1, -2, 1, -2], 0))
    for braid, expected in knots:
        link = snappy.Link(braid_closure=braid)
        seifert = np.array(link.seifert_matrix(), dtype=float)
        assert signature(link) == expected == -np.sign(np.linalg.eigvalsh(seifert + seifert.T)).sum()
