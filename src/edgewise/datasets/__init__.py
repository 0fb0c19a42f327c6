"""Small tables that ship with edgewise: each a CSV with a note on its provenance beside it."""

from __future__ import annotations

from edgewise.datasets._tables import names as names
from edgewise.datasets._tables import path as path

__all__ = ["names", "path"]
