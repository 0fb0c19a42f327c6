"""Systematic search: all small formulas, and what they make up with constants in closed form."""

from edgewise.discovery.enumeration._enumerated import Enumerated as Enumerated
from edgewise.discovery.enumeration._enumerated import described as described
from edgewise.discovery.enumeration._peeled import Peeled as Peeled
from edgewise.discovery.enumeration._search import SEARCHED as SEARCHED
from edgewise.discovery.enumeration._search import Enumeration as Enumeration
