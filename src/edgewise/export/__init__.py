"""Formulas and networks in other languages: LaTeX, NumPy, PyTorch, C99, Excel."""

from edgewise.export._c import c as c
from edgewise.export._excel import excel as excel
from edgewise.export._latex import latex as latex
from edgewise.export._latex import latex_names as latex_names
from edgewise.export._module import FormulaModule as FormulaModule
from edgewise.export._numpy import numpy as numpy
from edgewise.export._torch import torch as torch
from edgewise.export._torch import torch_source as torch_source
