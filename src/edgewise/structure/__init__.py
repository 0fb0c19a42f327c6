"""Tests of structure: what a function of several columns does with them, whether or not a formula exists.

`find` tests a table, a network or a law for all of them; `surrogate` makes what the single tests take; `tree` asks
again inside every group that is found, and `network` makes the network of that shape.
"""

from edgewise.structure._find import Findings as Findings
from edgewise.structure._find import exclusive as exclusive
from edgewise.structure._find import find as find
from edgewise.structure._finding import CAP as CAP
from edgewise.structure._finding import FLOOR as FLOOR
from edgewise.structure._finding import Finding as Finding
from edgewise.structure._finding import Verdict as Verdict
from edgewise.structure._network import network as network
from edgewise.structure._relations import exponential as exponential
from edgewise.structure._relations import monomial as monomial
from edgewise.structure._relations import power_sum as power_sum
from edgewise.structure._relations import scaling as scaling
from edgewise.structure._relations import translation as translation
from edgewise.structure._separability import additive as additive
from edgewise.structure._separability import combined as combined
from edgewise.structure._separability import irrelevant as irrelevant
from edgewise.structure._separability import multiplicative as multiplicative
from edgewise.structure._separability import offset_product as offset_product
from edgewise.structure._separability import separable as separable
from edgewise.structure._surrogate import Surrogate as Surrogate
from edgewise.structure._surrogate import surrogate as surrogate
from edgewise.structure._tree import Tree as Tree
from edgewise.structure._tree import tree as tree
