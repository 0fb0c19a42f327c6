"""What a search claims of made tables, and whether it is true."""

from edgewise.measure.benchmarks.outcomes._benchmark import Outcomes as Outcomes
from edgewise.measure.benchmarks.outcomes._judge import is_wrong as is_wrong
from edgewise.measure.benchmarks.outcomes._made import COUNT as COUNT
from edgewise.measure.benchmarks.outcomes._made import KINDS as KINDS
from edgewise.measure.benchmarks.outcomes._made import MadeTable as MadeTable
from edgewise.measure.benchmarks.outcomes._made import made_table as made_table
