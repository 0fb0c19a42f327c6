"""The time when work has to end, and how work is ended that does not look at the clock."""

from __future__ import annotations

import ctypes
import math
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

_WHOLE: set[CodeType] = set()
_HALVES = frozenset({"__enter__", "__exit__", "__del__"})  # they would leave half of what they do undone
_MACHINERY = frozenset({"importlib._bootstrap", "_frozen_importlib", "threading", "weakref"})  # ... and these a lock


def now() -> float:
    """Seconds on a clock that never goes back, the same for all processes of a machine."""
    return time.monotonic()


@dataclass(frozen=True, order=True)
class Deadline:
    """A point in time. `min` of two is the earlier one.

    >>> Deadline.after(60).left() > 59, Deadline.after(-1).passed(), Deadline.never().passed()
    (True, True, False)
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(now() + seconds)

    @classmethod
    def never(cls) -> Deadline:
        return cls(math.inf)

    def left(self) -> float:
        """Seconds until then, negative afterwards."""
        return self.at - now()

    def passed(self) -> bool:
        return now() > self.at


class _Cut(BaseException):
    """Raised inside work whose time is up."""


def whole(function: Function) -> Function:
    """Mark a function that is never interrupted: `cut` waits until it has returned.

    For callbacks of users, and for what must not be left half done.
    """
    _WHOLE.add(function.__code__)  # type: ignore[attr-defined]
    return function


def cut(deadline: Deadline, work: Callable[[], object]) -> bool:
    """Do some work, which is interrupted once the deadline has passed; returns whether it came to its end.

    What the work has stored by then stays. It is interrupted between two Python instructions, wherever it is: within
    sympy, or between two operations of torch, in any thread. It must keep no state that it would leave half changed;
    the modes of torch, numpy, sympy and mpmath are put back. A call of compiled code is waited for. Where the
    interpreter cannot be asked for that, the work goes on until it looks at the clock itself. Calls may be nested.

    >>> def endless() -> None:
    ...     while True:
    ...         pass
    >>> cut(Deadline.after(0.01), endless), cut(Deadline.never(), list)
    (False, True)
    """
    if math.isinf(deadline.at):
        work()
        return True
    put_back = _modes()
    watch = _Watch(deadline, sys._getframe())
    try:
        try:
            watch.start()
            work()
        finally:
            watch.close()
    except _Cut as late:
        watch.close()
        put_back()
        if isinstance(late.__context__, KeyboardInterrupt):
            raise late.__context__ from None
        if not deadline.passed():  # it was the deadline of a call around this one
            raise
        return False
    return True


class _Watch:
    """A thread that interrupts another one from the deadline on, until it is closed."""

    @whole
    def __init__(self, deadline: Deadline, frame: FrameType) -> None:
        self._deadline, self._thread = deadline, threading.get_ident()
        self._frame: FrameType | None = frame
        self._gate = threading.Lock()
        self._gate.acquire()
        self._over, self._ended = False, True
        self._said: Callable[[sys.UnraisableHookArgs], object] | None = None

    @whole
    def start(self) -> None:
        try:
            self._ended = False
            threading.Thread(target=self._run, name="edgewise deadline", daemon=True).start()
        except RuntimeError:  # no thread is to be had
            self._ended = True

    def _run(self) -> None:
        again, soon = 0.1, 0.002  # seconds until work that went on is interrupted, and until it is looked at again
        try:
            while not self._over:
                left = self._deadline.left()
                if left <= 0:
                    left = again if self._interrupted() else soon
                self._gate.acquire(timeout=min(left, 3600.0))
        finally:
            self._ended = True

    def _interrupted(self) -> bool:
        """Interrupt the thread, unless what it does now must not be."""
        frame = sys._current_frames().get(self._thread)
        if frame is self._frame:  # between the work and what ends it
            return False
        while frame is not None and frame is not self._frame:
            code = frame.f_code
            if code in _WHOLE or code.co_name in _HALVES or frame.f_globals.get("__name__") in _MACHINERY:
                return False
            frame = frame.f_back
        if frame is None or self._over:
            return False
        if self._said is None:
            self._said, sys.unraisablehook = sys.unraisablehook, self._unsaid
        _raise_in(self._thread, _Cut)
        return True

    def _unsaid(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Pass on what is said, but for an interruption of what cannot raise, as a callback of a weak reference."""
        if unraisable.exc_type is not _Cut and self._said is not None:
            self._said(unraisable)

    @whole
    def close(self) -> None:
        """Wait until the thread that watches has ended, and take back what it raised last."""
        stop: KeyboardInterrupt | None = None
        while True:
            try:
                self._over = True
                if self._gate.locked():
                    self._gate.release()
                while not self._ended:
                    time.sleep(1e-4)
                if self._said is not None:
                    _take_back(self._thread)
                if self._said is not None and sys.unraisablehook == self._unsaid:
                    sys.unraisablehook = self._said
                self._frame = None
                break
            except _Cut:
                continue
            except KeyboardInterrupt as asked:
                stop = asked
        if stop is not None:
            raise stop


def _raise_in(thread: int, exception: type[BaseException]) -> None:
    """Let a thread raise an exception at its next instruction."""
    api = getattr(ctypes, "pythonapi", None)
    if api is not None:
        api.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(exception))


def _take_back(thread: int) -> None:
    """Let no exception come any more in this thread.

    It is raised here: where it is only unset, the interpreter looks for it at each instruction from then on, and where
    it traces at the same one for ever.
    """
    try:
        _raise_in(thread, _Cut)
        for _ in range(1000):
            pass
    except _Cut:
        pass


def _modes() -> Callable[[], None]:
    """A function that puts back the modes of this thread as they are now, and forgets what sympy may know in part."""
    import mpmath
    import numpy as np
    import sympy
    import torch

    rules = sympy.core.parameters.global_parameters
    gradients, errors, digits = torch.is_grad_enabled(), np.geterr(), mpmath.mp.prec
    known = {name: getattr(rules, name) for name in ("evaluate", "distribute", "exp_is_pow")}

    @whole
    def put_back() -> None:
        torch.set_grad_enabled(gradients)
        np.seterr(**errors)
        mpmath.mp.prec = digits
        for name, value in known.items():
            setattr(rules, name, value)
        sympy.core.cache.clear_cache()

    return put_back
