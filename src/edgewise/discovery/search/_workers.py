"""Workers that share the work of one discovery."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from edgewise.kernels import one_thread


class Workers:
    """Threads, or what `joblib.parallel_config` says. Results and their order do not depend on how many there are.

    `n_jobs` is as in joblib: None is one, or what a `parallel_config` says; -1 is one for each core.

    >>> Workers(2)(pow, [(2, 3), (3, 2)])
    [8, 9]
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        self.n_jobs: Any = n_jobs
        self.count = 1
        if n_jobs is not None or "joblib" in sys.modules:  # without it, no context can say anything
            from joblib import effective_n_jobs

            self.count = effective_n_jobs(self.n_jobs)

    def __call__(self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Return the results of a function for each of several tuples of arguments."""
        tasks = list(arguments)
        if self.count < 2 or len(tasks) < 2:
            return [function(*task) for task in tasks]
        from joblib import Parallel, delayed

        found: Any = Parallel(n_jobs=self.n_jobs, prefer="threads")(delayed(_alone)(function, task) for task in tasks)
        return list(found)


def _alone(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    with one_thread():
        return function(*arguments)
