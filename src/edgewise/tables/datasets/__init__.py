"""Small tables that come with edgewise, each with a note on its source beside it."""

from edgewise.tables.datasets._tables import names as names
from edgewise.tables.datasets._tables import path as path
