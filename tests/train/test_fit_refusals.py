"""What `fit` refuses, each in one line that says what to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.optim import CG, LM

X = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
Y = X[:, 0] * X[:, 1]


def damaged(array: Tensor, value: float) -> Tensor:
    array = array.clone()
    array[17] = value
    return array


ONES = torch.ones(200)
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("NaN in x", {"x": damaged(X, math.nan)}, "x has nan in row 17, column 0"),
    ("NaN in y", {"y": damaged(Y, math.nan)}, "y has nan in row 17"),
    ("infinity in x", {"x": damaged(X, math.inf)}, "x has inf in row 17"),
    ("infinity in y", {"y": damaged(Y, -math.inf)}, "y has -inf in row 17"),
    ("huge x", {"x": damaged(X, 1e200)}, "x has values beyond 1e150"),
    ("huge y", {"y": damaged(Y, 1e200)}, "y has values beyond 1e150"),
    ("lengths", {"y": Y[:-1]}, "equally many rows. Got 200 and 199"),
    ("inputs", {"x": torch.rand(200, 3)}, "takes 2 input columns. x has 3"),
    ("outputs", {"y": X}, "gives 1 outputs. y has 2"),
    ("no rows", {"x": X[:0], "y": Y[:0]}, "at least one row"),
    ("two rows", {"x": X[:2], "y": Y[:2]}, "at least 3 rows. Got 2"),
    ("three dimensions", {"x": X.unsqueeze(0)}, r"shape \(rows, columns\)"),
    ("a number", {"y": 3.0}, "y must have shape"),
    ("text", {"x": [["a", "b"]] * 200}, "x must be numbers"),
    ("objects", {"y": np.array([None] * 200)}, "y has nan in row 0"),
    ("nothing", {"y": None}, "y is missing"),
    ("nothing but batches", {"x": iter([(X, Y)]), "y": None}, r"y is missing\. .* a DataLoader brings its own"),
    ("words", {"y": ["a", "b"] * 100}, "y must be numbers .* Got list: it holds text"),
    ("masked", {"y": np.ma.masked_array(Y.numpy(), np.arange(200) == 17)}, "y has nan in row 17"),
    ("dates", {"y": np.full(200, "2020-01-01", dtype="M8[D]")}, r"it holds datetime64\[D\]"),
    ("classes in words", {"y": ["a", "b"] * 100, "loss": "cross_entropy"}, "y, as class numbers, must be numbers"),
    ("ragged", {"x": [[1.0, 2.0], [3.0]]}, "x must be numbers"),
    ("complex", {"y": Y.to(torch.complex128)}, "y must be numbers"),
    ("weights too few", {"weights": ONES[:-1]}, "one number for each of the 200 rows"),
    ("weights negative", {"weights": -ONES}, "non-negative"),
    ("weights zero", {"weights": 0 * ONES}, "not all zero"),
    ("weights NaN", {"weights": math.nan * ONES}, "weights has nan"),
    ("weights two columns", {"weights": X.abs()}, "one number for each"),
    ("weights text", {"weights": "uniform"}, "weights must be numbers"),
    ("solver", {"solver": "newton"}, "Unknown solver 'newton'. Known: "),
    ("solver object", {"solver": 3}, "solver"),
    ("solver class", {"solver": LM}, "solver"),
    ("grids text", {"grids": "fine"}, "'grids'"),
    ("grids in an array", {"grids": np.array([3, 5])}, "'grids'"),
    ("solvers in an array", {"solver": np.array([3, 5])}, "Unknown solver"),
    ("grids empty", {"grids": []}, "'grids'"),
    ("grids zero", {"grids": [3, 0]}, "'grids'"),
    ("grids float", {"grids": [3.0]}, "'grids'"),
    ("grids true", {"grids": [True]}, "'grids'"),
    ("grids a number", {"grids": 5}, "'grids'"),
    ("sparsity negative", {"sparsity": -1.0}, "'sparsity'"),
    ("sparsity NaN", {"sparsity": math.nan}, "'sparsity'"),
    ("sparsity infinite", {"sparsity": math.inf}, "'sparsity'"),
    ("sparsity true", {"sparsity": True}, "'sparsity'"),
    ("sparsity nothing", {"sparsity": None}, "'sparsity'"),
    ("cells beyond memory", {"grids": [10**12]}, "1e\\+12 coefficients each needs .* of memory"),
    ("penalties beyond memory", {"grids": [10**6]}, "of memory, .* are free. Use a coarser grid"),
    ("a matrix beyond memory", {"model": ew.KAN([2, 9000, 1], grid=9), "solver": "lm"}, "162000 parameters .*'cg'"),
    ("columns of next to nothing", {"x": 1e-300 * X}, "x has values of at most 1e-300 in column 0"),
    ("sparsity text", {"sparsity": "high"}, "'sparsity'"),
    ("options a dict", {"options": {"seed": 1}}, "'options'"),
    ("no network", {"model": "KAN"}, "KAN"),
]


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_bad_arguments_are_refused_in_one_line(change: dict[str, Any], words: str) -> None:
    arguments = {"model": ew.KAN([2, 1]), "x": X, "y": Y, **change}
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.fit(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("validation", [-0.1, 0.95, math.nan, "some", True, None]),
        ("smoothing", [-1.0, math.inf, math.nan, "some", None]),
        ("restarts", [0, -1, 1.5, "some", True, None]),
        ("seed", [1.5, "a", None, True, 10**30]),
        ("test", [-0.1, 0.6, math.nan, "some", True, None, 10**400]),
        ("time_limit", [0, -1.0, math.nan, math.inf, "auto", True]),
        ("callbacks", [3, [print, 3]]),
        ("progress", ["on", 1, None]),
    ],
)
def test_bad_options_are_refused(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ew.InputError, match=f"'{name}'"):
            ew.Options(**{name: value})


def test_shares_that_leave_no_rows_are_refused() -> None:
    with pytest.raises(ew.InputError, match="'validation \\+ test'"):
        ew.Options(validation=0.6, test=0.4)


def test_a_start_of_many_parameters_makes_no_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what a matrix serves, the starts are trained without one, too."""
    monkeypatch.setattr(LM, "minimize", None)
    result = ew.fit(ew.KAN([2, 600, 1]), X, Y, grids=[3], options=ew.Options(time_limit=0.5, restarts=2))
    assert result.notes[0].startswith("Solver cg:")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("[enforce fail] can't allocate memory: you tried to")])
def test_memory_that_runs_out_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def minimize(*_: Any) -> None:
        raise error

    monkeypatch.setattr(LM, "minimize", minimize)
    with pytest.raises(ew.InputError, match=r"more memory than there is\. Use fewer nodes"):
        ew.fit(ew.KAN([2, 1]), X, Y, grids=[3])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("steps", [0, 2.5, "many", 10**30]),
        ("tolerance", [-1.0, math.nan]),
        ("damping", [0, math.inf]),
        ("inner", [0, None]),
        ("accuracy", [-0.1, 1.5, math.nan]),
    ],
)
def test_bad_settings_of_second_order_are_refused(name: str, values: list[Any]) -> None:
    for solver in (CG, LM) if name in ("steps", "tolerance", "damping") else (CG,):
        for value in values:
            with pytest.raises(ew.InputError, match=f"'{name}'"):
                solver(**{name: value})
