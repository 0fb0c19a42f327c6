"""Formulas and networks in other languages: LaTeX, NumPy, PyTorch, C, Excel."""

from edgewise.export._c import c as c
from edgewise.export._numpy import numpy as numpy
