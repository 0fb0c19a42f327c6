"""Data of the benchmarks and experiments: laws, certified regressions, knots, and functions that make tables."""

from edgewise_bench.datasets._anderson import Chain as Chain
from edgewise_bench.datasets._anderson import States as States
from edgewise_bench.datasets._anderson import chain as chain
from edgewise_bench.datasets._certified import CertifiedFit as CertifiedFit
from edgewise_bench.datasets._certified import nist as nist
from edgewise_bench.datasets._characters import Characters as Characters
from edgewise_bench.datasets._characters import characters as characters
from edgewise_bench.datasets._equations import Equation as Equation
from edgewise_bench.datasets._equations import System as System
from edgewise_bench.datasets._equations import Variable as Variable
from edgewise_bench.datasets._equations import dimensionless as dimensionless
from edgewise_bench.datasets._equations import equations as equations
from edgewise_bench.datasets._equations import feynman as feynman
from edgewise_bench.datasets._equations import strogatz as strogatz
from edgewise_bench.datasets._history import HistoricalTable as HistoricalTable
from edgewise_bench.datasets._history import history as history
from edgewise_bench.datasets._knots import knots as knots
from edgewise_bench.datasets._physical import PhysicalLaw as PhysicalLaw
from edgewise_bench.datasets._physical import Quantity as Quantity
from edgewise_bench.datasets._physical import srsd as srsd
from edgewise_bench.datasets._special import Special as Special
from edgewise_bench.datasets._special import special as special
