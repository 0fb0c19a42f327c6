"""What edgewise claims, and how often it is true."""

from edgewise_bench.benchmarks.claims._benchmark import Claims as Claims
from edgewise_bench.benchmarks.claims._real import RealQuestion as RealQuestion
from edgewise_bench.benchmarks.claims._real import Rows as Rows
from edgewise_bench.benchmarks.claims._real import between_rows as between_rows
from edgewise_bench.benchmarks.claims._real import cases as real_cases
from edgewise_bench.benchmarks.claims._real import left_out_error as left_out_error
from edgewise_bench.benchmarks.claims._real import measure as measure_real
from edgewise_bench.benchmarks.claims._real import read_question as read_question
from edgewise_bench.benchmarks.claims._real import real_questions as real_questions
from edgewise_bench.benchmarks.claims._real import textbook_forms as textbook_forms
from edgewise_bench.benchmarks.claims._tables import COUNT as COUNT
from edgewise_bench.benchmarks.claims._tables import KINDS as KINDS
from edgewise_bench.benchmarks.claims._tables import MadeTable as MadeTable
from edgewise_bench.benchmarks.claims._tables import is_wrong as is_wrong
from edgewise_bench.benchmarks.claims._tables import made_table as made_table

__all__ = ["measure_real", "real_cases"]
