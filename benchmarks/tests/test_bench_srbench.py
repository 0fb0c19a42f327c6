"""The entry to SRBench: what it asks of a method."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

pytest.importorskip("sklearn")

FOLDER = Path(__file__).parents[1] / "srbench"


@pytest.fixture(scope="module")
def entry() -> Any:
    spec = importlib.util.spec_from_file_location("srbench_regressor", FOLDER / "regressor.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> tuple[pd.DataFrame, np.ndarray]:
    x = pd.DataFrame(np.random.default_rng(0).uniform(1, 3, (100, 2)), columns=["mass", "lambda"])
    return x, 0.5 * (x["mass"] * x["lambda"] ** 2).to_numpy()


def test_the_formula_is_told_in_the_names_of_the_columns(entry: Any, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    from sklearn.base import clone

    x, y = table
    est = clone(entry.est).set_params(**entry.eval_kwargs["test_params"], random_state=1)
    assert est.fit(x, y) is est
    assert est.score(x, y) > 1 - 1e-12
    text = entry.model(est, x)
    names = {name: sympy.Symbol(name) for name in x.columns}
    mass, length = names.values()
    assert (
        sympy.simplify(sympy.sympify(text.replace("lambda", "L"), {"L": length, "mass": mass}) - mass * length**2 / 2)
        == 0
    )
    assert entry.model(est) == text
    assert "x_0" in entry.model(clone(est).fit(x.to_numpy(), y))


def test_the_estimator_keeps_to_scikit_learn(entry: Any, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    from sklearn.exceptions import NotFittedError

    x, y = table
    est = entry.EdgewiseRegressor(max_time=5, random_state=None)
    assert est.get_params() == {"max_time": 5, "random_state": None}
    with pytest.raises(NotFittedError):
        est.predict(x)
    with pytest.raises(ValueError, match="NaN"):
        est.fit(x.assign(mass=np.nan), y)
    est.fit(x, y)
    with pytest.raises(ValueError, match="feature"):
        est.predict(x[["mass"]])


def test_the_folder_holds_what_is_asked_of_a_contribution(entry: Any) -> None:
    text = (FOLDER / "metadata.yml").read_text()
    assert all(f"{key}:" in text for key in ("authors", "email", "name", "description", "url"))
    assert "dependencies:" in (FOLDER / "environment.yml").read_text()
    install = (FOLDER / "install.sh").read_text()
    assert install.startswith("#!/bin/bash\nset -e") and "sudo" not in install
    assert entry.hyper_params == [{}]
    kinds = {"test_params": dict, "max_train_samples": int, "scale_x": bool, "scale_y": bool, "use_dataframe": bool}
    assert all(isinstance(value, kinds[key]) for key, value in entry.eval_kwargs.items())
    assert set(entry.eval_kwargs["test_params"]) <= set(entry.est.get_params())


def test_the_size_is_that_of_the_tree_that_srbench_parses(entry: Any, table: tuple[pd.DataFrame, np.ndarray]) -> None:
    from sklearn.base import clone
    from sympy.parsing.sympy_parser import parse_expr

    x, y = table
    est = clone(entry.est)
    est.max_time, est.random_state = 10, 3  # as its script sets them
    x = x.rename(columns={"lambda": "length"})
    est.fit(x, y)
    parsed = parse_expr(entry.model(est, x), local_dict={name: sympy.Symbol(name) for name in x.columns})
    assert entry.complexity(est) == sum(1 for _ in sympy.preorder_traversal(parsed)) == 6


@pytest.mark.parametrize(("name", "noise", "rows"), [("feynman I.12.1", 0.1, 10_000), ("strogatz lv.x", 0.0, 300)])
def test_a_trial_follows_the_protocol(monkeypatch: pytest.MonkeyPatch, name: str, noise: float, rows: int) -> None:
    """on what a search that knows the law is given, and how its answer is scored."""
    from edgewise_bench import Settings
    from edgewise_bench.benchmarks.searchers import SEARCHERS, Searched, Table
    from edgewise_bench.benchmarks.studies.srbench import SRBench, data

    law, asked = data(name).law, []
    assert law is not None

    class Knowing:
        def warm_up(self) -> None: ...

        def find(self, table: Table) -> Searched:
            asked.append(table)
            return Searched(law.truth + 1, lambda x: law.values(x) + 1)

    monkeypatch.setitem(SEARCHERS, "edgewise", Knowing())
    study = SRBench()
    cases = study.cases(Settings())
    assert len(cases) == 10 * (134 * 4 + 4)  # trials, equations at four noises, black boxes
    assert [case.values["seed"] for case in cases] == sorted(case.values["seed"] for case in cases)
    (case,) = (c for c in cases if c.label == f"table {name}, noise {noise:g}, seed 0")
    (row,) = study.measure(case, Settings())
    (table,) = asked
    size = np.sqrt(np.mean(table.y**2))
    assert table.x.shape == (rows, len(law.names)) and table.seconds == 3600
    np.testing.assert_allclose(np.std(table.y - law.values(table.x)), noise * size, rtol=0.05, atol=1e-12)
    assert row["solved"] and row["form"] and not row["accurate"] and row["r2"] < 1  # right up to a constant
    assert row["model_size"] - row["truth_size"] in (1, 2)  # the shift, and a sum where there was none
    head, lines = study.table([row])
    assert head[:4] == ["kind", "noise", "cases", "solved"] and [cell.text for cell in lines[0][2:4]] == ["1", "1"]
