"""Workers that share the work of one call: threads, processes, or what joblib's backends offer."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise._extras import needed
from edgewise.kernels import one_thread

_LOGGER = logging.getLogger("edgewise.workers")
#: errors that say that a worker died: of concurrent.futures and loky, of Dask, of Ray
_DEATHS = {"BrokenExecutor", "KilledWorker", "WorkerCrashedError", "RayActorError"}


class Workers:
    """Threads or processes, or what `joblib.parallel_config` says. Results do not depend on how many there are.

    `n_jobs` is as in joblib: None is one, or what a `parallel_config` says; -1 is one for each core. If a worker dies,
    the logger `edgewise.workers` warns, results that are there are kept, and the other tasks are run once more.

    >>> Workers(2)(pow, [(2, 3), (3, 2)])
    [8, 9]
    """

    def __init__(self, n_jobs: int | None = None, prefer: Literal["threads", "processes"] = "threads") -> None:
        self.n_jobs: Any = n_jobs
        self.prefer = prefer
        self.count = 1
        if n_jobs not in (None, 1) or sys.modules.get("joblib"):  # without it, no context can say anything
            self.count = needed("joblib").effective_n_jobs(self.n_jobs)

    def __call__(self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Return the results of a function for each of several tuples of arguments."""
        return list(self.each(function, arguments))

    def each(self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Yield the results in the order of the arguments, each as soon as those before it are there."""
        tasks = list(arguments)
        if self.count < 2 or len(tasks) < 2:
            yield from (function(*task) for task in tasks)
            return
        waiting, following = dict(enumerate(tasks)), 0
        found: dict[int, Any] = {}
        for number, result in self._finished(function, waiting):
            found[number] = result
            while following in found:
                yield found.pop(following)
                following += 1

    def _finished(self, function: Callable[..., Any], waiting: dict[int, tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield numbered results as they come; run once more what was lost with a worker."""
        for last in (False, True):
            try:
                for number, result in self._run(function, list(waiting.items())):
                    del waiting[number]
                    yield number, result
                return
            except Exception as error:
                if last or _DEATHS.isdisjoint(kind.__name__ for kind in type(error).__mro__):
                    raise
                _LOGGER.warning("A worker died (%s): %d tasks are run once more.", type(error).__name__, len(waiting))

    def _run(
        self, function: Callable[..., Any], tasks: Sequence[tuple[int, tuple[Any, ...]]]
    ) -> Iterable[tuple[int, Any]]:
        from joblib import Parallel, delayed
        from joblib.parallel import get_active_backend

        backend: Any = get_active_backend(prefer=self.prefer)[0]
        form = "generator_unordered" if backend.supports_return_generator else "list"
        settings: Any = {"return_as": form, "batch_size": 1}
        parallel = Parallel(n_jobs=self.n_jobs, prefer=self.prefer, **settings)
        found: Any = parallel(delayed(_alone)(function, number, task) for number, task in tasks)
        return found


def checked_jobs(n_jobs: Any) -> int | None:
    """Return a number of workers, or raise InputError."""
    if n_jobs is not None and (not is_int(n_jobs) or n_jobs == 0):
        raise InputError(f"'n_jobs' must be a number of workers, -1 for one on each core, or None. Got {n_jobs!r}.")
    return None if n_jobs is None else int(n_jobs)


def _alone(function: Callable[..., Any], number: int, arguments: tuple[Any, ...]) -> tuple[int, Any]:
    with one_thread():
        return number, function(*arguments)
