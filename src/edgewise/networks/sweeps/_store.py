"""Where the trials of a study are kept, so that it goes on later or on several machines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edgewise._errors import InputError
from edgewise._extras import needed

if TYPE_CHECKING:
    from optuna import Study

_NAME = "edgewise"
_STARTING, _PARZEN = 5, 10  # trials before others are cut short, and before the sampler learns


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
        pruner=library.pruners.MedianPruner(n_startup_trials=_STARTING),
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
    study.sampler = library.samplers.TPESampler(seed=seed, n_startup_trials=_PARZEN, constant_liar=True)
    return study
