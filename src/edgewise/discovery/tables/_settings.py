"""What a search for formulas is asked for."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from edgewise._checks import is_number
from edgewise._errors import InputError
from edgewise._progress import Report
from edgewise.discovery.knowledge import Knowledge
from edgewise.discovery.tables._noise_model import Loss


@dataclass(frozen=True)
class Settings:
    """What a search is asked for.

    The noise if it is known, the seed, the seconds, the formulas that evolution evaluates, what shows progress, the
    loss, whether constants are rounded to simple numbers, and what a person knows.

    `n_jobs` workers take part; the search is saved to the file `save`, and goes on with what `resume` holds.

    Errors: InputError for a time limit that is no positive number.
    """

    noise: float | None = None
    seed: int = 0
    limit: float = math.inf
    evaluations: int = 0
    progress: Report | None = None
    loss: Loss = "squared"
    rounding: bool = True
    knowledge: Knowledge = field(default_factory=Knowledge)
    n_jobs: int | None = None
    save: Path | None = None
    resume: Path | None = None

    def __post_init__(self) -> None:
        limit = self.limit
        if not (is_number(limit, 0, 1e300) and limit) and not (isinstance(limit, float) and limit == math.inf):
            raise InputError(f"'time_limit' must be a positive number of seconds. Got {limit!r}.")
