"""Sums of step functions of one, two and three columns: boosted small trees, written as tables."""

from edgewise.tables.steps._bins import Bins as Bins
from edgewise.tables.steps._boost import LEAFWISE as LEAFWISE
from edgewise.tables.steps._boost import SYMMETRIC as SYMMETRIC
from edgewise.tables.steps._boost import Boosted as Boosted
from edgewise.tables.steps._boost import Manner as Manner
from edgewise.tables.steps._boost import Rows as Rows
from edgewise.tables.steps._cpu_growing import GIVEN as GIVEN
from edgewise.tables.steps._cpu_growing import LOGISTIC as LOGISTIC
from edgewise.tables.steps._cpu_growing import SOFTMAX as SOFTMAX
from edgewise.tables.steps._cpu_growing import SQUARED as SQUARED
from edgewise.tables.steps._tables import StepModel as StepModel
from edgewise.tables.steps._tables import StepTable as StepTable
from edgewise.tables.steps._tables import added as added
from edgewise.tables.steps._tables import purified as purified
