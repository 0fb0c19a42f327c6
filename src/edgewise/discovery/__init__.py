"""From a table of numbers to formulas."""

from edgewise.discovery._candidate import Candidate as Candidate
from edgewise.discovery._candidate import Outcome as Outcome
from edgewise.discovery._discover import column_names as column_names
from edgewise.discovery._discover import discover as discover
from edgewise.discovery._discover import discover_directly as discover_directly
from edgewise.discovery._display import front_cells as front_cells
from edgewise.discovery._result import Discovery as Discovery
