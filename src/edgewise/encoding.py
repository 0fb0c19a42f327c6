"""Tables as they come, of numbers, dates and text, as matrices of numbers."""

from edgewise.tables.encoding import *  # noqa: F403
