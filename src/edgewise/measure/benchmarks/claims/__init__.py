"""What edgewise claims, and how often it is true."""

from edgewise.measure.benchmarks.claims._benchmark import Claims as Claims
from edgewise.measure.benchmarks.claims._judge import is_wrong as is_wrong
from edgewise.measure.benchmarks.claims._made import COUNT as COUNT
from edgewise.measure.benchmarks.claims._made import KINDS as KINDS
from edgewise.measure.benchmarks.claims._made import MadeTable as MadeTable
from edgewise.measure.benchmarks.claims._made import made_table as made_table
from edgewise.measure.benchmarks.claims._real import between_rows as between_rows
from edgewise.measure.benchmarks.claims._real import cases as real_cases
from edgewise.measure.benchmarks.claims._real import left_out_error as left_out_error
from edgewise.measure.benchmarks.claims._real import measure as measure_real
from edgewise.measure.benchmarks.claims._real_tables import RealQuestion as RealQuestion
from edgewise.measure.benchmarks.claims._real_tables import Rows as Rows
from edgewise.measure.benchmarks.claims._real_tables import read_question as read_question
from edgewise.measure.benchmarks.claims._real_tables import real_questions as real_questions
from edgewise.measure.benchmarks.claims._real_tables import textbook_forms as textbook_forms

__all__ = ["measure_real", "real_cases"]
