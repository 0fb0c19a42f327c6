"""From a network to a smaller network: scores, pruning, merging, arranging."""

from edgewise.interpret._arrange import Arrangement as Arrangement
from edgewise.interpret._arrange import arrange as arrange
from edgewise.interpret._arrange import end_names as end_names
from edgewise.interpret._arrange import node_names as node_names
from edgewise.interpret._curves import EdgeCurve as EdgeCurve
from edgewise.interpret._curves import edge_curves as edge_curves
from edgewise.interpret._curves import shape_of as shape_of
from edgewise.interpret._curves import straightness as straightness
from edgewise.interpret._cut import Cut as Cut
from edgewise.interpret._cut import Narrow as Narrow
from edgewise.interpret._cut import PruneResult as PruneResult
from edgewise.interpret._cut import Removal as Removal
from edgewise.interpret._cut import prune as prune
from edgewise.interpret._merge import edge_means as edge_means
from edgewise.interpret._merge import without as without
from edgewise.interpret._scores import edge_scores as edge_scores
from edgewise.interpret._scores import hessians as hessians
from edgewise.interpret._scores import input_scores as input_scores
from edgewise.interpret._scores import interactions as interactions
from edgewise.interpret._scores import node_scores as node_scores
from edgewise.interpret._scores import rows_of as rows_of
from edgewise.interpret._tables import curve_table as curve_table
from edgewise.interpret._tables import edge_table as edge_table
from edgewise.interpret._tables import interaction_table as interaction_table
from edgewise.interpret._tables import node_table as node_table
