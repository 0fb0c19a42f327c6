"""Data that ship with edgewise: small tables, each with a note on its provenance, and functions that make more."""

from edgewise.datasets._anderson import Chain as Chain
from edgewise.datasets._anderson import States as States
from edgewise.datasets._anderson import chain as chain
from edgewise.datasets._certified import CertifiedFit as CertifiedFit
from edgewise.datasets._certified import nist as nist
from edgewise.datasets._characters import Characters as Characters
from edgewise.datasets._characters import characters as characters
from edgewise.datasets._equations import Equation as Equation
from edgewise.datasets._equations import System as System
from edgewise.datasets._equations import Variable as Variable
from edgewise.datasets._equations import dimensionless as dimensionless
from edgewise.datasets._equations import equations as equations
from edgewise.datasets._equations import feynman as feynman
from edgewise.datasets._equations import strogatz as strogatz
from edgewise.datasets._history import HistoricalTable as HistoricalTable
from edgewise.datasets._history import history as history
from edgewise.datasets._physical import PhysicalLaw as PhysicalLaw
from edgewise.datasets._physical import Quantity as Quantity
from edgewise.datasets._physical import srsd as srsd
from edgewise.datasets._special import Special as Special
from edgewise.datasets._special import special as special
from edgewise.datasets._tables import knots as knots
from edgewise.datasets._tables import names as names
from edgewise.datasets._tables import path as path
