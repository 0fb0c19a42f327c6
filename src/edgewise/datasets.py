"""Small tables that come with edgewise, each with a note on its source beside it."""

from edgewise.tables.datasets import *  # noqa: F403
