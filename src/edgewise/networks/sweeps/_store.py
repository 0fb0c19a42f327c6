"""Where the trials of a study are kept, and the rows that settings are compared on."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise._typing import Array
from edgewise.networks.sweeps._space import USUAL, Setting
from edgewise.nn import KAN
from edgewise.tables.encoding import Inputs
from edgewise.train import FitResult, Loss, Options, as_matrix, choose_loss, fit

if TYPE_CHECKING:
    from optuna import Study


_NAME = "edgewise"


@dataclass(frozen=True)
class Sampling:
    """How trials are drawn: `every` combination, or from a `start` on by a sampler with a seed."""

    seed: int
    start: Mapping[str, Any] | None = None
    every: Mapping[str, list[Any]] | None = None


def optuna() -> ModuleType:
    """Return Optuna, which says nothing from then on: the result lists the trials that failed, and why.

    Errors: MissingPackage where it is not installed.
    """
    found = needed("optuna")
    found.logging.set_verbosity(found.logging.CRITICAL)
    return found


@contextmanager
def opened(storage: str | Path | None, *, shared: bool) -> Iterator[Any]:
    """Give a storage: a file, a database, or memory; a file that is removed afterwards if processes share it."""
    if storage is not None:
        yield storage_of(storage)
    elif not shared:
        yield optuna().storages.InMemoryStorage()
    else:
        with tempfile.TemporaryDirectory(prefix="edgewise-") as folder:
            yield storage_of(Path(folder) / "study.journal")


def storage_of(place: Any) -> Any:
    """Return the storage at a place, or the storage itself. Errors: InputError where it cannot be opened."""
    if not isinstance(place, str | Path):
        return place
    storages = optuna().storages
    try:
        if isinstance(place, str) and "://" in place:
            return storages.RDBStorage(place)
        if not Path(place).parent.is_dir():
            raise FileNotFoundError(f"there is no folder {Path(place).parent}")
        return storages.JournalStorage(storages.journal.JournalFileBackend(str(place)))
    except Exception as error:  # what a driver raises is its own affair
        raise InputError(f"Cannot open the storage {str(place)!r}: {str(error).splitlines()[0]}.") from error


def study_of(storage: Any, about: Mapping[str, Any], sampling: Sampling) -> Study:
    """Return the study of a storage, a new one if there is none.

    Errors: InputError if it is of other rows or of another space.
    """
    library = optuna()
    study: Study = library.create_study(
        storage=storage,
        study_name=_NAME,
        load_if_exists=True,
        direction="minimize",
        pruner=library.pruners.MedianPruner(n_startup_trials=5),
    )
    known = study.user_attrs
    for key, value in about.items():
        if key not in known:
            study.set_user_attr(key, value)
        elif known[key] != value:
            raise InputError(f"The storage holds a sweep of other {key}. Choose another file or address.")
    trials = len(study.get_trials(deepcopy=False))
    seed = sampling.seed + trials
    if sampling.every is not None:
        study.sampler = library.samplers.GridSampler(dict(sampling.every), seed=seed)
        return study
    if not trials and sampling.start is not None:
        study.enqueue_trial(dict(sampling.start))
    study.sampler = library.samplers.TPESampler(seed=seed, n_startup_trials=10, constant_liar=True)
    return study


@dataclass(frozen=True)
class Rows:
    """A table, x (n, columns), y (n,) or (n, n_out), and which of its rows no trial sees."""

    x: Any
    y: Array
    loss: Loss
    held: Array
    seed: int

    @classmethod
    def of(cls, x: Any, y: Any, loss: Any, seed: int) -> Rows:
        """Return checked rows. Errors: InputError for too few rows, and what `fit` refuses."""
        measure = choose_loss(loss)
        targets = as_matrix(y, "y").numpy()
        frame = hasattr(x, "iloc") or hasattr(x, "columns")
        x = x if frame else as_matrix(x, "x").numpy()
        if len(x) != len(targets):
            raise InputError(f"x and y must have equally many rows. Got {len(x)} and {len(targets)}.")
        if len(targets) < 20:
            raise InputError(f"A sweep compares settings on rows left out: it needs at least 20. Got {len(x)}.")
        held = np.zeros(len(targets), bool)
        held[np.random.default_rng(seed).permutation(len(targets))[: round(0.2 * len(targets))]] = (
            True  # no trial sees them
        )
        return cls(x, targets, measure, held, seed)

    def fingerprint(self) -> str:
        """Return what tells these rows, and this seed, from others."""
        whole = hashlib.sha256(self.y.tobytes() + f"{self.loss.name} {self.seed}".encode())
        inputs = Inputs.needed(self.x)
        values = as_matrix(self.x, "x").numpy() if inputs is None else inputs.of(self.x)
        whole.update(np.ascontiguousarray(values).tobytes())
        return whole.hexdigest()[:16]

    def trained(self, settings: Mapping[str, Setting], split: int | None, seconds: float | None) -> FitResult:
        """Train a network on the rows that trials see, some of them left out by the number of a split; None: on all."""
        x, y = (self.x, self.y) if split is None else (_part(self.x, ~self.held), self.y[~self.held])
        chosen = {**USUAL, **settings}
        inputs = Inputs.needed(x)
        n_in = as_matrix(x, "x").shape[1] if inputs is None else len(inputs.names)
        grid = chosen["grid"]
        model = KAN(
            [n_in, *chosen["hidden"], self.outputs], grid=5 if grid == "auto" else grid, degree=chosen["degree"],
            basis=chosen["basis"], base=chosen["base"], seed=self.seed,
        )  # fmt: skip
        seed = self.seed if split is None else self.seed + split
        test: Any = "auto" if split is None else 0.2  # of the rows, left out in each split
        options = Options(seed=seed, test=test, time_limit=seconds, progress=False)
        grids: Any = "auto" if grid == "auto" else None
        return fit(model, x, y, loss=self.loss, grids=grids, sparsity=chosen["sparsity"], options=options)

    def score(self, found: FitResult) -> float:
        """Return R^2, or the accuracy for classes, on the rows that no trial saw."""
        return found.score(_part(self.x, self.held), self.y[self.held])

    @property
    def outputs(self) -> int:
        """The outputs that a network needs; two classes need one."""
        if not self.loss.classes:
            return self.y.shape[1]
        classes = int(self.y.max()) + 1
        return 1 if classes == 2 else classes


def _part(x: Any, chosen: Array) -> Any:
    """Return rows of a table of pandas or polars, or of an array."""
    if hasattr(x, "iloc"):
        return x.iloc[np.flatnonzero(chosen)]
    return x.filter(chosen) if hasattr(x, "columns") else x[chosen]
