"""KANRegressor and KANClassifier as a model of AutoGluon, the form of an entry to TabArena."""

# pyright: reportMissingImports=false

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from types import FrameType
from typing import Any, ClassVar, NoReturn

import numpy as np
import pandas as pd
import torch
from autogluon.core.constants import MULTICLASS, REGRESSION
from autogluon.core.models import AbstractModel
from autogluon.core.utils.exceptions import TimeLimitExceeded
from threadpoolctl import threadpool_limits

from edgewise._typing import Array
from edgewise.estimators import KANClassifier, KANRegressor


class KANModel(AbstractModel):
    """Sums of curves and steps, `KANRegressor` and `KANClassifier`, in a bag of AutoGluon's.

    Hyperparameters are the estimators' own; the default configuration is theirs. One that only the other estimator
    has, such as `loss` for classes, is left out. Categories and gaps are taken as they are. Rows of validation are not
    used: the estimators choose smoothing, shape and steps by folds of the training rows. A fit cannot be stopped early:
    one that takes longer than its time limit raises AutoGluon's `TimeLimitExceeded`, in the main thread of a process;
    elsewhere the limit is not kept.
    """

    ag_key = "EDGEWISE"
    ag_name = "Edgewise"
    seed_name = "random_state"
    _supported_problem_types: ClassVar[list[str]] = ["binary", "multiclass", "regression"]
    _default_auxiliary_params_extra: ClassVar[dict[str, Any]] = {
        "valid_raw_types": ["bool", "int", "float", "category"]
    }

    def _fit(
        self,
        X: pd.DataFrame,
        y: pd.Series,
        time_limit: float | None = None,
        num_cpus: int | str = "auto",
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> None:
        began = time.monotonic()
        x = self.preprocess(X, y=y, is_train=True)
        made: Any = KANRegressor if self.problem_type == REGRESSION else KANClassifier
        self.model = made(**_known(made, self._get_model_params()))
        left = None if time_limit is None else time_limit - (time.monotonic() - began)
        with _threads(num_cpus), _ended_after(left):
            self.model.fit(x, y, sample_weight=sample_weight)

    def _predict_proba(self, X: pd.DataFrame, **kwargs: Any) -> Array:
        x = self.preprocess(X, **kwargs)
        if self.problem_type == REGRESSION:
            return self.model.predict(x)
        model: Any = self.model
        found = model.predict_proba(x)
        if self.problem_type == MULTICLASS and found.shape[1] < (self.num_classes or 0):
            every = np.zeros((len(found), self.num_classes))  # classes that no row of the fold has
            every[:, model.classes_.astype(int)] = found
            found = every
        return self._convert_proba_to_unified_form(found)

    def _estimate_memory_usage(self, X: pd.DataFrame, **kwargs: Any) -> int:
        return self._estimate_memory_usage_static(X=X, **kwargs)

    @classmethod
    def _estimate_memory_usage_static(cls, *, X: pd.DataFrame, **kwargs: Any) -> int:
        """Return the bytes of a fit, a straight line above what fits of 3,000 to 31,000 rows took.

        Of more than 200,000 rows, shape and steps see a sample.
        """
        loaded, row, cell, most = 600_000_000, 12_000, 300, 200_000
        return loaded + min(len(X), most) * (row + cell * X.shape[1]) + 24 * X.size

    def _more_tags(self) -> dict[str, Any]:
        return {"can_refit_full": True}


def _known(made: type, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that an estimator has, of those that either has. Errors: TypeError for any other."""
    own, either = (set(signature(each).parameters) for each in (made, KANRegressor))
    either |= set(signature(KANClassifier).parameters)
    if strange := sorted(set(chosen) - either):
        raise TypeError(f"KANRegressor and KANClassifier have no setting {', '.join(strange)}.")
    return {name: value for name, value in chosen.items() if name in own}


@contextmanager
def _threads(count: int | str) -> Iterator[None]:
    """Compute on so many threads, as many as there are for "auto"."""
    if isinstance(count, str):
        yield
        return
    before, most = torch.get_num_threads(), max(1, int(count))
    torch.set_num_threads(min(before, most))
    try:
        with threadpool_limits(most):
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _ended_after(seconds: float | None) -> Iterator[None]:
    """Raise `TimeLimitExceeded` once the block has taken that long, where this is the main thread of a process."""
    if seconds is not None and seconds <= 0:
        raise TimeLimitExceeded
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_: int, __: FrameType | None) -> NoReturn:
        raise TimeLimitExceeded

    began, handler = time.monotonic(), signal.signal(signal.SIGALRM, ring)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if outer:  # a timer of the caller's goes on
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - began), 1e-3))
