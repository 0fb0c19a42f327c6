"""Small tables that ship with edgewise: each a CSV with a note on its provenance beside it."""

from __future__ import annotations

from edgewise.datasets._equations import Equation as Equation
from edgewise.datasets._equations import System as System
from edgewise.datasets._equations import Variable as Variable
from edgewise.datasets._equations import equations as equations
from edgewise.datasets._equations import feynman as feynman
from edgewise.datasets._equations import strogatz as strogatz
from edgewise.datasets._tables import names as names
from edgewise.datasets._tables import path as path
