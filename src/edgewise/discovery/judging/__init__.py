"""What a formula is worth: its error, complexity and the evidence for it."""

from edgewise.discovery.judging._binary import binary_names as binary_names
from edgewise.discovery.judging._binary import lines_of_binaries as lines_of_binaries
from edgewise.discovery.judging._candidate import Answer as Answer
from edgewise.discovery.judging._candidate import ByGroup as ByGroup
from edgewise.discovery.judging._candidate import Candidate as Candidate
from edgewise.discovery.judging._candidate import Named as Named
from edgewise.discovery.judging._candidate import columns_of as columns_of
from edgewise.discovery.judging._candidate import front as front
from edgewise.discovery.judging._candidate import unbeaten as unbeaten
from edgewise.discovery.judging._contest import LEAD as LEAD
from edgewise.discovery.judging._contest import SPOKEN as SPOKEN
from edgewise.discovery.judging._contest import Contest as Contest
from edgewise.discovery.judging._contest import Entry as Entry
from edgewise.discovery.judging._contest import Evidence as Evidence
from edgewise.discovery.judging._contest import Rival as Rival
from edgewise.discovery.judging._evidence import criterion as criterion
from edgewise.discovery.judging._evidence import encompassing as encompassing
from edgewise.discovery.judging._evidence import spread as spread
from edgewise.discovery.judging._gaps import strays as strays
from edgewise.discovery.judging._gaps import wild as wild
from edgewise.discovery.judging._judge import Judge as Judge
from edgewise.discovery.judging._judge import Once as Once
from edgewise.discovery.judging._judge import at_once as at_once
from edgewise.discovery.judging._outcome import Outcome as Outcome
from edgewise.discovery.judging._pool import Pool as Pool
