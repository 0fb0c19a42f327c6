"""Layers, nodes, the network, and surgery that returns new networks."""

from edgewise.nn._gram import Gram as Gram
from edgewise.nn._gram import mirror as mirror
from edgewise.nn._init import initial_values as initial_values
from edgewise.nn._jacobian import Layout as Layout
from edgewise.nn._jacobian import Pass as Pass
from edgewise.nn._layer import KANLayer as KANLayer
from edgewise.nn._network import KAN as KAN
from edgewise.nn._nodes import Nodes as Nodes
from edgewise.nn._rational import RationalLayer as RationalLayer
from edgewise.nn._surgery import MARGINS as MARGINS
from edgewise.nn._surgery import adapt_grid as adapt_grid
from edgewise.nn._surgery import add_constant as add_constant
from edgewise.nn._surgery import clone as clone
from edgewise.nn._surgery import compact as compact
from edgewise.nn._surgery import layer_of as layer_of
from edgewise.nn._surgery import refine_grid as refine_grid
from edgewise.nn._surgery import remove_edges as remove_edges
from edgewise.nn._surgery import scale_outputs as scale_outputs
from edgewise.nn._surgery import set_function as set_function
from edgewise.nn._trace import Trace as Trace
from edgewise.nn._trace import trace as trace
