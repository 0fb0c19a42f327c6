"""How a fit runs, beyond what it fits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from edgewise._checks import is_int, is_number
from edgewise._errors import InputError
from edgewise._workers import checked_jobs
from edgewise.train._result import Row

Callback = Callable[[Row], Any]
Auto = Literal["auto"]
_TEST_FROM, _MIN_TEST = 50, 10  # rows from which there are test rows, and how many at least


@dataclass(frozen=True)
class Options:
    """Settings of `fit` that rarely need changing.

    validation: fraction of rows held out to choose the start and the grid ("auto": a tenth from 200 rows on, a fifth
    from 20, else none). smoothing: weight of the second-difference penalty ("auto": by generalized cross-validation
    once parameters exceed a quarter of the rows). restarts: starts on the coarsest grid ("auto": up to 8, fewer if two
    agree; one layer needs one). seed: of the split, the restarts and the shuffling. time_limit: seconds, or None.
    callbacks: a function, or several, called with each history row; one that returns True or "stop" ends training.
    progress: whether to show progress on stderr ("auto": on a terminal, once it takes two seconds). test: fraction of
    rows held out only to report the error of the network that was chosen ("auto": a tenth, at least ten rows, from 50
    rows on; none if `validation` is 0), at most 0.9 together with `validation`. process_group: a group of
    torch.distributed whose ranks all call `fit`, each with rows of its own, and all get the same result. checkpoint: a
    file that is written after each step; the same fit goes on from it after its process was killed. n_jobs:
    how many starts are trained at the same time, in threads unless `joblib.parallel_config` says otherwise (-1: one for
    each core); one after the other with a process group or a checkpoint.

    >>> Options(restarts=1, seed=3).validation
    'auto'
    """

    validation: float | Auto = "auto"
    smoothing: float | Auto = "auto"
    restarts: int | Auto = "auto"
    seed: int = 0
    time_limit: float | None = None
    callbacks: Callback | Sequence[Callback] | None = None
    progress: bool | Auto = "auto"
    test: float | Auto = "auto"
    process_group: Any = None
    checkpoint: str | Path | None = None
    n_jobs: int | None = None

    def __post_init__(self) -> None:
        for name, high in (("validation", 0.9), ("test", 0.5), ("smoothing", 1e12)):
            value = getattr(self, name)
            if not _is_auto(value) and not is_number(value, 0, high):
                raise InputError(f"'{name}' must be a number from 0 to {high:g}, or 'auto'. Got {value!r}.")
        held_out = sum(part for part in (self.validation, self.test) if not isinstance(part, str))
        if held_out > 0.9:
            raise InputError(f"'validation + test' must be a number from 0 to 0.9. Got {held_out}.")
        if not _is_auto(self.restarts) and not is_int(self.restarts, 1, 10_000):
            raise InputError(f"'restarts' must be an int from 1 to 10000, or 'auto'. Got {self.restarts!r}.")
        if not is_int(self.seed, 1 - 2**62, 2**62 - 1):
            raise InputError(f"'seed' must be an int between -2^62 and 2^62. Got {self.seed!r}.")
        for name in ("restarts", "seed"):
            if not _is_auto(value := getattr(self, name)):
                object.__setattr__(self, name, int(value))
        if not all(callable(callback) for callback in self.callback_list()):
            raise InputError(
                f"'callbacks' must be a function of a history row, or a list of them. Got {self.callbacks!r}."
            )
        if not isinstance(self.progress, bool) and not _is_auto(self.progress):
            raise InputError(f"'progress' must be True, False or 'auto'. Got {self.progress!r}.")
        object.__setattr__(self, "n_jobs", checked_jobs(self.n_jobs))
        check_group(self.process_group)
        if not isinstance(self.checkpoint, str | Path | None):
            raise InputError(f"'checkpoint' must be the name of a file. Got {self.checkpoint!r}.")
        limit = self.time_limit
        if limit is not None and not is_number(limit, 1e-9):
            raise InputError(f"'time_limit' must be a finite number of seconds > 0, or None for any. Got {limit!r}.")

    def settings(self) -> tuple[object, ...]:
        """Return the settings that all ranks of a fit must share."""
        return self.validation, self.smoothing, self.restarts, self.seed, self.test, self.checkpoint is None

    def callback_list(self) -> list[Callback]:
        if self.callbacks is None:
            return []
        return list(self.callbacks) if isinstance(self.callbacks, Sequence) else [self.callbacks]

    def validation_rows(self, rows: int, classes: bool = False) -> int:
        """Return the number of rows held out to choose the start and the grid."""
        if isinstance(self.validation, str):
            fraction = 0.1 if rows >= (2000 if classes else 200) else 0.2 if rows >= 20 else 0.0
        else:
            fraction = self.validation
        return round(fraction * rows)

    def test_rows(self, rows: int, validation: int) -> int:
        """Return the number of rows held out only to report the error, in addition to the validation rows."""
        if not isinstance(self.test, str):
            return round(self.test * rows)
        count = max(_MIN_TEST, round(0.1 * rows))
        return count if rows >= _TEST_FROM and self.validation != 0 and validation + count <= 0.9 * rows else 0


def check_group(group: Any) -> None:
    """Raise InputError for what is no process group that this process is a rank of."""
    if group is None:
        return
    distributed = torch.distributed
    if not distributed.is_available() or not isinstance(group, distributed.ProcessGroup):
        raise InputError(
            "'process_group' must be a group of torch.distributed, as torch.distributed.group.WORLD is after "
            f"init_process_group. Got {group!r:.60}."
        )


def _is_auto(value: object) -> bool:
    return isinstance(value, str) and value == "auto"
