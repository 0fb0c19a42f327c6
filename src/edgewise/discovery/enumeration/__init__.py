"""Systematic search: all small formulas, and what they make up with constants in closed form."""

from edgewise.discovery.enumeration._enumerated import MOST_COLUMNS as MOST_COLUMNS
from edgewise.discovery.enumeration._enumerated import ROWS as ROWS
from edgewise.discovery.enumeration._enumerated import Enumerated as Enumerated
from edgewise.discovery.enumeration._enumerated import described as described
from edgewise.discovery.enumeration._nearly import NEAR_ROWS as NEAR_ROWS
from edgewise.discovery.enumeration._nearly import Nearly as Nearly
from edgewise.discovery.enumeration._peeled import Peeled as Peeled
from edgewise.discovery.enumeration._search import SEARCHED as SEARCHED
from edgewise.discovery.enumeration._search import Enumeration as Enumeration
