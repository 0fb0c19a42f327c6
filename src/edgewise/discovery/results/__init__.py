"""What a discovery gives back, and how it is shown."""

from edgewise.discovery.results._display import front_cells as front_cells
from edgewise.discovery.results._front import RULE as RULE
from edgewise.discovery.results._front import Rule as Rule
from edgewise.discovery.results._front import StageLog as StageLog
from edgewise.discovery.results._front import weights_of as weights_of
from edgewise.discovery.results._refit import fitted_to_all as fitted_to_all
from edgewise.discovery.results._result import Discoveries as Discoveries
from edgewise.discovery.results._result import Discovery as Discovery
