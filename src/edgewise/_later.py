"""Packages of higher floors that a lower one loads on first use; `edgewise` registers how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LOADERS: dict[str, Callable[[], Any]] = {}
"""A package's name, and the function that returns the package."""
