"""The univariate functions that curves and network edges can be read as."""

from edgewise.formulas.functions._library import Function as Function
from edgewise.formulas.functions._library import get as get
from edgewise.formulas.functions._library import names as names
from edgewise.formulas.functions._library import register as register
from edgewise.formulas.functions._library import registered as registered
