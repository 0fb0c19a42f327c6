"""Data of the benchmarks and experiments: laws, certified regressions, knots, and functions that make tables."""

from edgewise_bench.datasets._functions import Chain as Chain
from edgewise_bench.datasets._functions import Characters as Characters
from edgewise_bench.datasets._functions import Special as Special
from edgewise_bench.datasets._functions import States as States
from edgewise_bench.datasets._functions import burgers_at as burgers_at
from edgewise_bench.datasets._functions import chain as chain
from edgewise_bench.datasets._functions import characters as characters
from edgewise_bench.datasets._functions import special as special
from edgewise_bench.datasets._tables import CertifiedFit as CertifiedFit
from edgewise_bench.datasets._tables import Equation as Equation
from edgewise_bench.datasets._tables import HistoricalTable as HistoricalTable
from edgewise_bench.datasets._tables import PhysicalLaw as PhysicalLaw
from edgewise_bench.datasets._tables import Quantity as Quantity
from edgewise_bench.datasets._tables import System as System
from edgewise_bench.datasets._tables import Variable as Variable
from edgewise_bench.datasets._tables import dimensionless as dimensionless
from edgewise_bench.datasets._tables import equations as equations
from edgewise_bench.datasets._tables import feynman as feynman
from edgewise_bench.datasets._tables import history as history
from edgewise_bench.datasets._tables import knots as knots
from edgewise_bench.datasets._tables import nist as nist
from edgewise_bench.datasets._tables import srsd as srsd
from edgewise_bench.datasets._tables import strogatz as strogatz
