"""Pictures of networks, fits and candidates: nothing here shows a window or writes a file."""

from edgewise.plot._curves import curves as curves
from edgewise.plot._fit import fit_quality as fit_quality
from edgewise.plot._history import history as history
from edgewise.plot._layout import diagram as diagram
from edgewise.plot._network import network as network
from edgewise.plot._outline import outline as outline
from edgewise.plot._pareto import Candidate as Candidate
from edgewise.plot._pareto import pareto as pareto
from edgewise.plot._relations import Tie as Tie
from edgewise.plot._relations import relations as relations
from edgewise.plot._scores import interactions as interactions
from edgewise.plot._scores import scores as scores
from edgewise.plot._spots import Diagram as Diagram
from edgewise.plot._spots import EdgeSpot as EdgeSpot
from edgewise.plot._spots import NameSpot as NameSpot
from edgewise.plot._spots import NodeSpot as NodeSpot
from edgewise.plot._style import svg as svg
from edgewise.plot._text import Label as Label
from edgewise.plot._text import edge_formula as edge_formula
from edgewise.plot._text import edge_label as edge_label
from edgewise.plot._text import math_name as math_name
from edgewise.plot._text import name_label as name_label
from edgewise.plot._text import typesets as typesets
from edgewise.plot._tree import tree as tree
