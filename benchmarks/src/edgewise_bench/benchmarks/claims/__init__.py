"""What edgewise claims, and how often it is true."""

from edgewise_bench.benchmarks.claims._benchmark import Claims as Claims
from edgewise_bench.benchmarks.claims._judge import is_wrong as is_wrong
from edgewise_bench.benchmarks.claims._made import COUNT as COUNT
from edgewise_bench.benchmarks.claims._made import KINDS as KINDS
from edgewise_bench.benchmarks.claims._made import MadeTable as MadeTable
from edgewise_bench.benchmarks.claims._made import made_table as made_table
from edgewise_bench.benchmarks.claims._real import between_rows as between_rows
from edgewise_bench.benchmarks.claims._real import cases as real_cases
from edgewise_bench.benchmarks.claims._real import left_out_error as left_out_error
from edgewise_bench.benchmarks.claims._real import measure as measure_real
from edgewise_bench.benchmarks.claims._real_tables import RealQuestion as RealQuestion
from edgewise_bench.benchmarks.claims._real_tables import Rows as Rows
from edgewise_bench.benchmarks.claims._real_tables import read_question as read_question
from edgewise_bench.benchmarks.claims._real_tables import real_questions as real_questions
from edgewise_bench.benchmarks.claims._real_tables import textbook_forms as textbook_forms

__all__ = ["measure_real", "real_cases"]
