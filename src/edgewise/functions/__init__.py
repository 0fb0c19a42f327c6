"""The univariate functions that curves and network edges can be read as."""

from edgewise.functions._library import get as get
from edgewise.functions._library import names as names
from edgewise.functions._library import register as register
from edgewise.functions._rows import Function as Function
