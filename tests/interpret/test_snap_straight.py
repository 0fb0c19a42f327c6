"""Curves that are straight over the rows become x, on rows with noise and few of them."""

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise import datasets
from edgewise.io import read_table

TABLE = read_table(datasets.path("orbits"))
LOGS = np.log(TABLE.inputs(["primary_mass_kg", "semi_major_axis_km", "period_days"]))
START = ew.Session(ew.KAN([2, 1, 1], seed=0), LOGS[:, :2], LOGS[:, 2], names=["m", "a"])


@pytest.mark.parametrize("sparsity", [0.0, 1e-2])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_law_of_orbits_is_linear_in_logarithms(seed: int, sparsity: float) -> None:
    start = ew.Session(ew.KAN([2, 1, 1], seed=seed), LOGS[:, :2], LOGS[:, 2], names=["m", "a"])
    found = start.fit("auto", sparsity).snap_all()
    assert not found.model.spline_edges()
    formula = found.formula()
    slopes = [float(formula.diff(name)) for name in ("m", "a")]  # type: ignore[union-attr]
    assert slopes == pytest.approx([-0.5, 1.5], abs=2e-3)
    assert found.error < 0.0025


def test_x_is_the_first_candidate_of_a_straight_curve() -> None:
    trained = START.fit("auto")
    assert [trained.suggest(edge)[0].function for edge in trained.model.spline_edges()] == ["x", "x", "x"]


def test_what_was_chosen_stays() -> None:
    trained = START.fit("auto")
    found = ew.symbolic.snap(trained.model, LOGS[:, :2], LOGS[:, 2], choose={(0, 0, 0): "sqrt"})
    assert found.snapped[0].function == "sqrt"
    assert torch.isfinite(found.model(torch.tensor(LOGS[:, :2]))).all()
