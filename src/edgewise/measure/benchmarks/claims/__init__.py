"""What edgewise claims, and how often it is true."""

from edgewise.measure.benchmarks.claims._benchmark import Claims as Claims
from edgewise.measure.benchmarks.claims._judge import is_wrong as is_wrong
from edgewise.measure.benchmarks.claims._made import COUNT as COUNT
from edgewise.measure.benchmarks.claims._made import KINDS as KINDS
from edgewise.measure.benchmarks.claims._made import MadeTable as MadeTable
from edgewise.measure.benchmarks.claims._made import made_table as made_table
