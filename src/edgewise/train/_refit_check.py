"""A function that is asked during refits whether they go on: what it raises ends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Check = Callable[[], None]


def _go_on() -> None:
    """Do not end the refit."""


_CHECK: ContextVar[Check] = ContextVar("refit_check", default=_go_on)


@contextmanager
def refit_check(check: Check) -> Iterator[None]:
    """Call a function before each pass over the rows of the refits inside the block; what it raises ends them.

    Actions that try much, such as `edgewise.symbolic.candidates`, refit a network for each trial: they end within one
    pass, and change nothing.

    >>> import edgewise as ew, torch
    >>> from edgewise.train import refit_check
    >>> def check():
    ...     raise TimeoutError("enough")
    >>> x = torch.rand(50, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> with refit_check(check):
    ...     ew.symbolic.candidates(ew.KAN([1, 1], grid=3), x, x, (0, 0, 0))
    Traceback (most recent call last):
    TimeoutError: enough
    """
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


def present_check() -> Check:
    """Return the function in force."""
    return _CHECK.get()
