"""The shipped tables: each is there, readable, and explained."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgewise import InputError, datasets
from edgewise.io import read_table


@pytest.mark.parametrize("name", datasets.names())
def test_every_table_reads_and_names_its_columns_in_the_note_kept_it(name: str) -> None:
    table = read_table(datasets.path(name))
    note = datasets.path(name).with_suffix(".md").read_text(encoding="utf-8")
    assert table.n_rows > 0
    for column in [*table.names, *(column for column, _ in table.left_out)]:
        assert f"`{column}`" in note


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="Unknown dataset 'orbit'"):
        datasets.path("orbit")


def test_orbits_follow_the_third_law_as_closely_as_the_note_says() -> None:
    table = read_table(datasets.path("orbits"))
    assert table.n_rows == 44
    axis, mass, period = (table.columns[name] for name in ("semi_major_axis_km", "primary_mass_kg", "period_days"))
    assert len(np.unique(mass)) == 7
    constant = 2 * math.pi / math.sqrt(6.6743e-11) * 1000**1.5 / 86400
    assert constant == pytest.approx(2.8149e5, rel=1e-4)
    deviation = np.abs(period / (constant * axis**1.5 / np.sqrt(mass)) - 1)
    assert np.median(deviation) < 2.6e-4
    assert deviation.max() < 9e-3
