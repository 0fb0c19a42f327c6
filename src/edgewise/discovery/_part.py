"""Training as a part of a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgewise.nn import KAN
from edgewise.train import FitResult, Options, Outcome, fit


def trained(model: KAN, x: Any, y: Any, options: Options, **arguments: Any) -> FitResult:
    """`fit`, but it shows nothing, and Ctrl-C ends the whole search instead of this part of it."""
    result = fit(model, x, y, options=replace(options, progress=False, test=0), **arguments)
    if result.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return result
