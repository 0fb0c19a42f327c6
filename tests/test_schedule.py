"""The shapes of learning rates: what share of the rate each step takes."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.optim import Schedule


def shares(schedule: Schedule, points: int = 101, errors: tuple[float, ...] = ()) -> np.ndarray:
    return np.array([schedule.share(float(t), errors) for t in np.linspace(0, 1, points)])


def test_the_shapes_of_the_schedules() -> None:
    assert (shares(Schedule("constant")) == 1).all()
    cosine = shares(Schedule("cosine"))
    assert cosine[0] == 1
    assert cosine[50] == pytest.approx(0.5)
    assert cosine[100] == pytest.approx(0, abs=1e-12)
    assert (np.diff(cosine) < 0).all()
    cycle = shares(Schedule("one_cycle"))
    assert cycle[0] == pytest.approx(0.04)
    assert cycle.argmax() == 30
    assert cycle[30] == pytest.approx(1)
    assert cycle[100] == pytest.approx(0, abs=1e-12)
    assert (np.diff(cycle[:31]) > 0).all()
    assert (np.diff(cycle[30:]) < 0).all()
    np.testing.assert_allclose(shares(Schedule(lambda t: 1 - t)), 1 - np.linspace(0, 1, 101), atol=1e-12)


def test_warmup_and_floor() -> None:
    warm = shares(Schedule("constant", warmup=0.2))
    np.testing.assert_allclose(warm[:21], np.linspace(0, 1, 21), atol=1e-12)
    assert (warm[20:] == 1).all()
    assert shares(Schedule("cosine", warmup=0.5, floor=0.1))[[50, 75, 100]] == pytest.approx([1, 0.5, 0.1])


def test_a_plateau_cuts_the_rate() -> None:
    schedule = Schedule("plateau", wait=2, cut=0.1)
    for errors, share in (
        ((3.0, 2.0, 1.0), 1.0),
        ((1.0, 2.0), 1.0),
        ((1.0, 2.0, 1.0), 0.1),
        ((1.0, 2.0, 1.0, 1.0, 1.0), 0.01),
        ((1.0, 2.0, 1.0, 0.5, 1.0), 0.1),
    ):
        assert schedule.share(0.5, errors) == pytest.approx(share)
