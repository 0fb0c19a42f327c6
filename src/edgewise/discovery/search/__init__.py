"""The stages of one discovery, and the choice among what they find."""

from edgewise.discovery.search._course import SearchStep as SearchStep
from edgewise.discovery.search._course import journal_of as journal_of
from edgewise.discovery.search._course import search_callback as search_callback
from edgewise.discovery.search._recognition import measured as measured
from edgewise.discovery.search._recognition import robust as robust
from edgewise.discovery.search._search import Search as Search
from edgewise.discovery.search._search import screen as screen
from edgewise.discovery.search._stages import leaving_out as leaving_out
from edgewise.discovery.search._tuning import TUNING as TUNING
from edgewise.discovery.search._tuning import Tuning as Tuning
