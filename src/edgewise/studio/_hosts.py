"""Those who pass requests on to a desk, loaded when they are needed: the rest of the studio does without their
packages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from edgewise._extras import extras

HOSTS = {"Studio": "_serve", "StudioWidget": "_notebook", "widget": "_notebook"}
"""Names and the modules that they are in."""


def load(name: str) -> Any:
    """Return one of `HOSTS`; MissingPackage without its package."""
    with extras("studio"):
        return getattr(import_module(f"edgewise.studio.{HOSTS[name]}"), name)
