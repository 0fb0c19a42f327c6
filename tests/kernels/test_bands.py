"""Sums of small symmetric matrices in a band, against the same sum in a whole matrix."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.kernels.bands import add_to_band


@pytest.mark.parametrize("twice", [False, True])
def test_a_band_holds_the_sum_of_all_matrices(twice: bool) -> None:
    random, size, wide = np.random.default_rng(3), 30, 9
    places = np.stack([first + random.permutation(wide)[:5] for first in random.integers(0, size - wide + 1, 40)])
    if twice:
        places[:, 1] = places[:, 4]
    half = random.normal(size=(40, 3, 5))
    matrices = half.transpose(0, 2, 1) @ half
    whole, columns = np.zeros((size, size)), np.zeros((size, wide))
    for own, at in zip(matrices, places, strict=True):
        np.add.at(whole, (at[:, None], at), own)
    add_to_band(columns, matrices, places)
    for d in range(wide):
        assert np.allclose(columns[: size - d, d], np.diagonal(whole, -d), rtol=1e-14)


@pytest.mark.parametrize("places", [[[0, -1]], [[0, 5]], [[8, 10]]])
def test_places_beyond_a_band_are_refused(places: list[list[int]]) -> None:
    with pytest.raises(IndexError, match="less than 4 apart"):
        add_to_band(np.zeros((10, 4)), np.ones((1, 2, 2)), np.array(places))
