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
    """Call a function after each second-order step of the fits inside the block; the fit ends if it returns True.

    A fit that ends this way has the outcome `Outcome.STOPPED` and returns the best network so far. The function is not
    called for starts that are trained in other threads or processes.

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
    """Return the callbacks in force, the outermost first."""
    return _CALLBACKS.get()
