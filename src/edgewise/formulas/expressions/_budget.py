"""The time that reading and compiling a formula may take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from edgewise._deadline import Deadline, cut
from edgewise._errors import InputError

Result = TypeVar("Result")

_SECONDS = 2.0
_LONGEST = 5.0  # seconds on the clock after which a call of sympy that does not end is interrupted


@dataclass
class Budget:
    """Processor time of this thread, from when the budget is made."""

    seconds: float = _SECONDS
    start: float = field(default_factory=time.thread_time)

    def check(self) -> None:
        """Raise InputError once the time is over."""
        if time.thread_time() - self.start > self.seconds:
            raise self._over()

    def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of some work. It is interrupted, with an InputError, if it never checks the budget."""
        found: list[Result] = []
        try:
            if cut(Deadline.after(_LONGEST), lambda: found.append(work())):
                return found[0]
        except (MemoryError, OverflowError):  # of sympy, which makes whole numbers of powers
            raise InputError("The numbers of the formula are too large to work out: simplify or split it.") from None
        raise self._over()

    def _over(self) -> InputError:
        return InputError(f"The formula takes more than {self.seconds:g} seconds to work out: simplify or split it.")
