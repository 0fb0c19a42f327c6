"""Which columns of a table are tied by an equation, and by which."""

from edgewise.unsupervised._classifier import area as area
from edgewise.unsupervised._find import find_relations as find_relations
from edgewise.unsupervised._formula import Equation as Equation
from edgewise.unsupervised._result import Outcome as Outcome
from edgewise.unsupervised._result import Relation as Relation
from edgewise.unsupervised._result import Relations as Relations
