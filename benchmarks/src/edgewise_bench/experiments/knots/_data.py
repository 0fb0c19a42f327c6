"""Knots as rows of numbers: which invariants are inputs, and which rows are for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edgewise._typing import Array
from edgewise_bench.datasets import knots

if TYPE_CHECKING:
    import pandas as pd

THREE = ("longitudinal_translation", "meridional_translation_real", "meridional_translation_imag")
SHORT = dict(zip(THREE, ("lambda", "Re mu", "Im mu"), strict=True))
NUMBERS = (
    *THREE, "volume", "cusp_volume", "chern_simons", "short_geodesic_real", "short_geodesic_imag",
    "injectivity_radius",
)  # fmt: skip
SYMMETRIES = ("0", "Z/2", "Z/2 + Z/2", "D3", "D4", "D6", "D8")
INPUTS = {"three invariants": THREE, "all invariants": (*NUMBERS, "geodesic known", *SYMMETRIES)}
_TRAIN, _HELD = 0.75, 0.125  # the rest is for testing, as in the article's baseline


class Rows(NamedTuple):
    """Standardized inputs (n, d), NaN where not known, and classes (n,): places in `signatures`."""

    x: Array
    y: Array


class Knots(NamedTuple):
    """The rows to train on, to choose by, and to test on; the names of the inputs, and the signatures that occur."""

    train: Rows
    held: Rows
    test: Rows
    names: tuple[str, ...]
    signatures: Array


def split(table: pd.DataFrame, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split a table into 75 %, 12.5 % and 12.5 % of its rows."""
    order = np.random.default_rng(seed).permutation(len(table))
    first, second = round(_TRAIN * len(table)), round((_TRAIN + _HELD) * len(table))
    return table.iloc[order[:first]], table.iloc[order[first:second]], table.iloc[order[second:]]


def prepared(item: str, most: int | None = None) -> Knots:
    """Return the knots with the inputs of an item, at most that number in each part."""
    parts, names = [part.iloc[:most] for part in split(knots())], INPUTS[item]
    raw = [_numbers(part)[list(names)].to_numpy(float) for part in parts]
    mean, std = np.nanmean(raw[0], 0), np.nanstd(raw[0], 0)
    std[~(std > 0)] = 1.0
    signatures = np.unique(parts[0]["signature"])
    classes = [np.searchsorted(signatures, part["signature"]).clip(max=len(signatures) - 1) for part in parts]
    rows = [Rows((x - mean) / std, y) for x, y in zip(raw, classes, strict=True)]
    return Knots(rows[0], rows[1], rows[2], names, signatures)


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Add symmetry groups as columns of zeros and ones, and whether the shortest geodesic is known."""
    added = {name: (table["symmetry_group"] == name).astype(float) for name in SYMMETRIES}
    known = table["short_geodesic_real"].notna().astype(float)
    return table.assign(**added, **{"geodesic known": known})


def slope(table: pd.DataFrame) -> Array:
    """Return the natural slope Re(lambda / mu) = lambda Re(mu) / |mu|^2."""
    length, real, imaginary = (table[name].to_numpy() for name in THREE)
    return length * real / (real**2 + imaginary**2)


def rounded(values: Array) -> Array:
    """Round to the nearest even numbers.

    >>> rounded(np.array([2.9, 3.1, -0.4])).tolist()
    [2.0, 4.0, 0.0]
    """
    return 2 * np.round(values / 2) + 0.0
