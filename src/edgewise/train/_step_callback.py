"""Callbacks at each step of training, which need no argument of `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from edgewise.nn import KAN


@dataclass(frozen=True)
class FitStep:
    """One second-order step of a fit: how many there have been, what is trained, the cost, and the network as it is.

    `network()` makes the network; it takes time, and is to be called from the callback only.
    """

    step: int
    place: str
    cost: float
    network: Callable[[], KAN]


StepCallback = Callable[[FitStep], object]
_CALLBACKS: ContextVar[tuple[StepCallback, ...]] = ContextVar("step_callbacks", default=())


@contextmanager
def step_callback(callback: StepCallback) -> Iterator[None]:
    """Have a function called after each second-order step of the fits that begin inside; True ends the fit.

    Such a fit ends as one that a callback ends, with `Outcome.STOPPED` and the best network so far. Starts that are
    trained on several threads or in other processes are not seen.

    >>> import edgewise as ew, torch
    >>> x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    >>> with step_callback(lambda seen: seen.step == 3):
    ...     ew.fit(ew.KAN([1, 1], grid=3), x, torch.exp(x), options=ew.Options(progress=False)).outcome.name
    'STOPPED'
    """
    token = _CALLBACKS.set((*_CALLBACKS.get(), callback))
    try:
        yield
    finally:
        _CALLBACKS.reset(token)


def step_callbacks() -> tuple[StepCallback, ...]:
    """Return those who look on here, the first first."""
    return _CALLBACKS.get()
