"""Tests of structure: what a function of several columns does with them, whether or not a formula exists.

`find` tests a table, a network or a law for all of them; `surrogate` makes what the single tests take; `tree` asks
again inside every group that is found, and `network` makes the network of that shape.
"""

from edgewise.interpret.structure._relations import Findings as Findings
from edgewise.interpret.structure._relations import exclusive as exclusive
from edgewise.interpret.structure._relations import exponential as exponential
from edgewise.interpret.structure._relations import find as find
from edgewise.interpret.structure._relations import monomial as monomial
from edgewise.interpret.structure._relations import power_sum as power_sum
from edgewise.interpret.structure._relations import scaling as scaling
from edgewise.interpret.structure._relations import translation as translation
from edgewise.interpret.structure._separability import CAP as CAP
from edgewise.interpret.structure._separability import FLOOR as FLOOR
from edgewise.interpret.structure._separability import Finding as Finding
from edgewise.interpret.structure._separability import Verdict as Verdict
from edgewise.interpret.structure._separability import additive as additive
from edgewise.interpret.structure._separability import combined as combined
from edgewise.interpret.structure._separability import irrelevant as irrelevant
from edgewise.interpret.structure._separability import multiplicative as multiplicative
from edgewise.interpret.structure._separability import offset_product as offset_product
from edgewise.interpret.structure._separability import separable as separable
from edgewise.interpret.structure._surrogate import Surrogate as Surrogate
from edgewise.interpret.structure._surrogate import surrogate as surrogate
from edgewise.interpret.structure._tree import Tree as Tree
from edgewise.interpret.structure._tree import network as network
from edgewise.interpret.structure._tree import tree as tree
