"""How long the fuzzing tests run: seconds in `make test`, minutes in `make fuzz`.

A fuzzing test is a hypothesis test in `tests/<package>/test_fuzz_<what>.py`, decorated with `@fuzz(n)`: n cases in
`make test`, `EDGEWISE_FUZZ` times as many in `make fuzz`, drawn at random there instead of the same each time.
"""

from __future__ import annotations

import os

from hypothesis import settings

FACTOR = int(os.environ.get("EDGEWISE_FUZZ", "1"))


def fuzz(cases: int) -> settings:
    """Return the settings of a fuzzing test with that number of cases in `make test`."""
    return settings(max_examples=cases * FACTOR, derandomize=FACTOR == 1)
