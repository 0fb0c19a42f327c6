"""The modules of the studio, loaded when they are needed: the page is served before those that import torch."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

from edgewise._extras import extras
from edgewise.studio._requests import REQUESTS

NAMES = {
    "Desk": "_desk", "Moved": "_requests", "REQUESTS": "_requests", "Request": "_requests", "Studio": "_serve",
    "StudioWidget": "_notebook", "desk_of": "_open", "open": "_open", "serve": "_open", "widget": "_notebook",
}  # fmt: skip
"""Names of the package and the modules that they are in."""
_REQUESTS = ("_start", "_acts", "_row_views", "_leave", "_discovery")  # modules that hold requests, in the page's order
_loading = threading.RLock()  # two threads that import modules of one circle may see them half made


def load(name: str) -> Any:
    """Return one of `NAMES`; MissingPackage without its package."""
    with extras("studio"):
        return getattr(import_module(f"edgewise.studio.{NAMES[name]}"), name)


def load_requests(wanted: str = "") -> None:
    """Load what answers requests, up to the wanted one, and with it torch: this takes seconds the first time."""
    for module in _REQUESTS:
        if wanted in REQUESTS:
            return
        with _loading, extras("studio"):
            import_module(f"edgewise.studio.{module}")
