"""Formulas as compiled programs: values, derivatives, fitted constants, and a search by evolution."""

from edgewise.programs._evolution import Evolution as Evolution
from edgewise.programs._fit import Fitted as Fitted
from edgewise.programs._fit import cross_validate as cross_validate
from edgewise.programs._fit import fit as fit
from edgewise.programs._fitter import Fitter as Fitter
from edgewise.programs._islands import Islands as Islands
from edgewise.programs._kernels import prepare as prepare
from edgewise.programs._operations import FUNCTIONS as FUNCTIONS
from edgewise.programs._operations import OPERATIONS as OPERATIONS
from edgewise.programs._operations import Node as Node
from edgewise.programs._operations import apply as apply
from edgewise.programs._operations import combine as combine
from edgewise.programs._operations import constant as constant
from edgewise.programs._operations import scaled as scaled
from edgewise.programs._operations import variable as variable
from edgewise.programs._program import Program as Program
from edgewise.programs._tame import is_readable as is_readable
from edgewise.programs._tame import is_tame as is_tame
from edgewise.programs._tame import probe as probe
