"""Callbacks on the progress of long computations, which can also end them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

Event = TypeVar("Event")

_CALLBACKS: ContextVar[tuple[tuple[type, Callable[[Any], object]], ...]] = ContextVar("callbacks", default=())


@contextmanager
def calling(function: Callable[[Event], object], event: type[Event]) -> Iterator[None]:
    """Call a function at every event of one kind while the block runs.

        train.Row             a row of a fit's history, as `Options(callbacks=...)` does
        train.FitStep         a second-order step of a fit
        train.RefitPass       a pass over the rows of a refit, as in trials of many functions
        discovery.SearchStep  a stage of a search for formulas

    Parameters
    ----------
    function
        Called with each event. A fit ends, with its best network so far and the outcome STOPPED, if it returns True or
        "stop" of a row or a step. Whatever it raises ends the work. It is not called for what runs in other threads or
        processes.
    event
        The kind of event: one of the classes above.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    >>> with ew.calling(lambda step: step.step == 3, ew.train.FitStep):
    ...     ew.fit(ew.KAN([1, 1], grid=3), x, torch.exp(x), options=ew.Options(progress=False)).outcome.name
    'STOPPED'
    """
    token = _CALLBACKS.set((*_CALLBACKS.get(), (event, function)))
    try:
        yield
    finally:
        _CALLBACKS.reset(token)


def callbacks(event: type[Event]) -> list[Callable[[Event], object]]:
    """Return the functions in force for a kind of event, the outermost first."""
    return [function for kind, function in _CALLBACKS.get() if kind is event]


def is_stop(answer: object) -> bool:
    """Return True for True and "stop" only: a callback may return a number, as `file.write` does.

    >>> is_stop(True), is_stop("stop"), is_stop(12), is_stop(None)
    (True, True, False, False)
    """
    return bool(answer) if isinstance(answer, bool | np.bool_) else isinstance(answer, str) and answer == "stop"
