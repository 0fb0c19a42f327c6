"""Ints of numpy are taken wherever an int is asked for, and what is kept or saved are ints of Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import edgewise as ew
from edgewise.nn import KANFeedForward, RationalLayer, Rule, edges_of_node, widen
from edgewise.session import Session

TWO = np.int64(2)
X = torch.rand(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
Y = X[:, 0] * X[:, 1]


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64])
def test_every_kind_is_an_int(kind: Callable[[int], Any]) -> None:
    assert ew.KAN([kind(3), 1]).widths == [3, 1]


@pytest.mark.parametrize("value", [np.bool_(True), np.timedelta64(3), np.float64(3.0), "3", None, np.array([3, 4])])
def test_other_values_of_numpy_are_not(value: Any) -> None:
    with pytest.raises(ew.InputError, match="width of KAN must be an int"):
        ew.KAN([2, value, 1])


def test_networks_of_numpy_integers_are_built_saved_and_loaded(tmp_path: Path) -> None:
    counts = np.array([2, 3, 1])
    model = ew.KAN([counts[0], (counts[1], [TWO, TWO]), counts[2]], grid=np.int32(4), degree=TWO, seed=np.int64(7))
    assert repr(model.widths) == "[2, (3, 2), 1]" and type(model.layers[0].n_in) is int
    assert torch.equal(model(X), ew.KAN([2, (3, 2), 1], grid=4, degree=2, seed=7)(X))
    ew.save(model, tmp_path / "model.safetensors")
    assert torch.equal(ew.load(tmp_path / "model.safetensors")(X), model(X))
    assert ew.KAN([TWO, 1]).widths == [2, 1]
    for layer in (RationalLayer(TWO, TWO, groups=TWO, degrees=(TWO, TWO)), KANFeedForward(np.int64(8), np.int64(16))):
        assert "np." not in repr(layer)


def test_surgery_and_training_take_them() -> None:
    model = ew.KAN([2, 2, 1], grid=3)
    finer = ew.nn.refine_grid(model, TWO)
    assert finer.layers[0].grid == 6 and ew.nn.adapt_grid(model, X, np.int64(4)).layers[0].grid == 4
    assert widen(model, np.int64(1), TWO).widths == [2, 4, 1]
    assert edges_of_node(model, np.int64(1), np.int64(0)) == edges_of_node(model, 1, 0)
    fit = ew.fit(
        model, X, Y, grids=[*np.array([2, 3]).tolist(), np.int64(4)], options=ew.Options(seed=TWO, restarts=np.int64(1))
    )
    assert fit.model.layers[0].grid <= 4
    assert Rule.of({"monotone": 1}) == Rule(monotone=1)


def test_sessions_keep_ints_of_python(tmp_path: Path) -> None:
    given = ew.KAN([2, 2, 1], grid=3), X, Y, ["a", "b"]
    session = Session(*given).prune_edge((np.int64(0), np.int64(1), np.int64(0)))
    session.save(tmp_path / "steps.session")
    plain = Session(*given).prune_edge((0, 1, 0))
    assert torch.equal(session.model(X), plain.model(X))


def test_discovery_takes_them() -> None:
    found = ew.discover(X, Y, effort=np.int64(20), seed=np.int64(0), max_complexity=np.int64(5), n_jobs=np.int64(1))
    assert str(found.best.expression) == "x1*x2" and found[np.int64(-1)] is not None
    assert found.text(np.int64(0)) == found.text(0)
