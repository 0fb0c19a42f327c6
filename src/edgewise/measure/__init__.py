"""What is measured and how: figures made of cases, measured in other processes, their rows in CSV files."""

from __future__ import annotations

from edgewise.measure._figure import Case as Case
from edgewise.measure._figure import Cell as Cell
from edgewise.measure._figure import Figure as Figure
from edgewise.measure._figure import Row as Row
from edgewise.measure._figure import Settings as Settings
from edgewise.measure._page import COLOURS as COLOURS
from edgewise.measure._page import INK as INK
from edgewise.measure._page import LABELS as LABELS
from edgewise.measure._page import LINE as LINE
from edgewise.measure._page import SOFT as SOFT
from edgewise.measure._page import STYLE as STYLE
from edgewise.measure._page import markdown as markdown
from edgewise.measure._page import measured_with as measured_with
from edgewise.measure._page import plain as plain
from edgewise.measure._page import sign as sign
from edgewise.measure._peer import in_precision as in_precision
from edgewise.measure._peer import silent as silent
from edgewise.measure._perceptron import ACTIVATIONS as ACTIVATIONS
from edgewise.measure._perceptron import lbfgs as lbfgs
from edgewise.measure._perceptron import perceptron as perceptron
from edgewise.measure._process import Station as Station
from edgewise.measure._record import clock as clock
from edgewise.measure._record import cores as cores
from edgewise.measure._record import provenance as provenance
from edgewise.measure._run import Plan as Plan
from edgewise.measure._run import run as run
from edgewise.measure._store import append as append
from edgewise.measure._store import latest as latest
from edgewise.measure._store import read as read
