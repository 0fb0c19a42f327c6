"""Small tables that come with edgewise, each with a note on its source beside it."""

from edgewise.datasets._tables import names as names
from edgewise.datasets._tables import path as path
