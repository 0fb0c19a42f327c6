"""The univariate functions that curves and network edges can be read as."""

from edgewise.formulas.functions import *  # noqa: F403
