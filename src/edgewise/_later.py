"""What a lower floor may ask of a higher one: `edgewise` itself says how each is loaded, on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LOADERS: dict[str, Callable[[], Any]] = {}
"""A package's name, and the function that returns the package."""
