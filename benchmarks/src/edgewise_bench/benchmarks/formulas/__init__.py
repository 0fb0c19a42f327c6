"""Known equations found from tables, and what a formula that was found is worth."""

from edgewise_bench.benchmarks.formulas._benchmarks import Feynman as Feynman
from edgewise_bench.benchmarks.formulas._benchmarks import Irrelevant as Irrelevant
from edgewise_bench.benchmarks.formulas._benchmarks import PhysicalScales as PhysicalScales
from edgewise_bench.benchmarks.formulas._benchmarks import Random as Random
from edgewise_bench.benchmarks.formulas._benchmarks import Strogatz as Strogatz
from edgewise_bench.benchmarks.formulas._benchmarks import Targets as Targets
from edgewise_bench.benchmarks.formulas._benchmarks import is_true as is_true
from edgewise_bench.benchmarks.formulas._judge import ROWS as ROWS
from edgewise_bench.benchmarks.formulas._judge import TimeLimitReached as TimeLimitReached
from edgewise_bench.benchmarks.formulas._judge import Verdict as Verdict
from edgewise_bench.benchmarks.formulas._judge import cpu_limit as cpu_limit
from edgewise_bench.benchmarks.formulas._judge import deviation as deviation
from edgewise_bench.benchmarks.formulas._judge import is_right as is_right
from edgewise_bench.benchmarks.formulas._judge import judge as judge
from edgewise_bench.benchmarks.formulas._judge import of_form as of_form
from edgewise_bench.benchmarks.formulas._judge import refitted as refitted
from edgewise_bench.benchmarks.formulas._judge import solution as solution
from edgewise_bench.benchmarks.formulas._judge import with_free_constants as with_free_constants
from edgewise_bench.benchmarks.formulas._judge import with_parameters as with_parameters
from edgewise_bench.benchmarks.formulas._laws import TARGET_LAWS as TARGET_LAWS
from edgewise_bench.benchmarks.formulas._laws import Law as Law
from edgewise_bench.benchmarks.formulas._laws import RandomLaw as RandomLaw
from edgewise_bench.benchmarks.formulas._laws import ScaledLaw as ScaledLaw
from edgewise_bench.benchmarks.formulas._laws import TargetLaw as TargetLaw
from edgewise_bench.benchmarks.formulas._laws import TrajectoryLaw as TrajectoryLaw
from edgewise_bench.benchmarks.formulas._laws import UniformLaw as UniformLaw
