"""What tests of structure and the search for formulas share: smooth models of a table, and equations of symmetries.

Models have derivatives; a symmetry is an equation between these. What follows from one is up to the packages above.
"""

from edgewise.interpret.symmetries._gaussian import GaussianProcess as GaussianProcess
from edgewise.interpret.symmetries._gaussian import Scales as Scales
from edgewise.interpret.symmetries._gaussian import TableProcess as TableProcess
from edgewise.interpret.symmetries._gaussian import gaussian_process as gaussian_process
from edgewise.interpret.symmetries._gaussian import waves as waves
from edgewise.interpret.symmetries._gradients import POWERS as POWERS
from edgewise.interpret.symmetries._gradients import Coordinates as Coordinates
from edgewise.interpret.symmetries._gradients import Gradients as Gradients
from edgewise.interpret.symmetries._gradients import Measured as Measured
from edgewise.interpret.symmetries._gradients import choices as choices
from edgewise.interpret.symmetries._gradients import has_power as has_power
from edgewise.interpret.symmetries._gradients import heavy_tailed as heavy_tailed
from edgewise.interpret.symmetries._gradients import inner_rows as inner_rows
from edgewise.interpret.symmetries._gradients import measured as measured
from edgewise.interpret.symmetries._gradients import off_zero as off_zero
