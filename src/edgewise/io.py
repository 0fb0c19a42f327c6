"""Networks to and from files, and tables from files."""

from edgewise.tables.io import *  # noqa: F403
