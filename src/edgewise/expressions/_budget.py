"""The time that reading and compiling a formula may take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from edgewise._errors import InputError

_SECONDS = 2.0


@dataclass
class Budget:
    """Processor time of this thread, from when the budget is made."""

    seconds: float = _SECONDS
    start: float = field(default_factory=time.thread_time)

    def check(self) -> None:
        """Raise InputError once the time is over."""
        if time.thread_time() - self.start > self.seconds:
            raise InputError(f"The formula takes more than {self.seconds:g} seconds to work out: simplify or split it.")
