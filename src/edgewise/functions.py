"""The univariate functions that curves and network edges can be read as."""

from edgewise.formulas.functions import Function as Function
from edgewise.formulas.functions import get as get
from edgewise.formulas.functions import names as names
from edgewise.formulas.functions import register as register
from edgewise.formulas.functions import registered as registered
