"""Formulas as compiled programs: values, derivatives, fitted constants, and a search by evolution."""

from edgewise.formulas.programs._evolution import Evolution as Evolution
from edgewise.formulas.programs._evolution import Islands as Islands
from edgewise.formulas.programs._expression import FUNCTIONS as FUNCTIONS
from edgewise.formulas.programs._expression import OPERATIONS as OPERATIONS
from edgewise.formulas.programs._expression import Node as Node
from edgewise.formulas.programs._expression import apply as apply
from edgewise.formulas.programs._expression import apply_own as apply_own
from edgewise.formulas.programs._expression import combine as combine
from edgewise.formulas.programs._expression import constant as constant
from edgewise.formulas.programs._expression import scaled as scaled
from edgewise.formulas.programs._expression import variable as variable
from edgewise.formulas.programs._fit import Fitted as Fitted
from edgewise.formulas.programs._fit import Fitter as Fitter
from edgewise.formulas.programs._fit import cross_validate as cross_validate
from edgewise.formulas.programs._fit import fit as fit
from edgewise.formulas.programs._kernels import prepare as prepare
from edgewise.formulas.programs._program import Program as Program
from edgewise.formulas.programs._program import is_readable as is_readable
from edgewise.formulas.programs._program import is_tame as is_tame
from edgewise.formulas.programs._program import probe as probe
from edgewise.formulas.programs._shape import shape_nodes as shape_nodes
from edgewise.formulas.programs._tabulated import function_at as function_at
from edgewise.formulas.programs._tabulated import matched as matched
from edgewise.formulas.programs._tabulated import tabulated_names as tabulated_names
