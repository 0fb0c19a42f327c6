"""From a table of numbers to formulas."""

from edgewise.discovery._discover import discover as discover
from edgewise.discovery._discover import discover_directly as discover_directly
from edgewise.discovery._request import checked_loss as checked_loss
from edgewise.discovery._request import column_names as column_names
from edgewise.discovery.judging import Candidate as Candidate
from edgewise.discovery.judging import Outcome as Outcome
from edgewise.discovery.knowledge import Known as Known
from edgewise.discovery.results import Discoveries as Discoveries
from edgewise.discovery.results import Discovery as Discovery
from edgewise.discovery.results import front_cells as front_cells
from edgewise.discovery.search import SearchStep as SearchStep
from edgewise.discovery.search import search_callback as search_callback
from edgewise.discovery.tables import NoiseModel as NoiseModel
