"""Formulas and networks elsewhere: LaTeX, NumPy, PyTorch, C99, Excel, ONNX, and languages that a user registers."""

from edgewise.export._c import c as c
from edgewise.export._excel import excel as excel
from edgewise.export._language import Language as Language
from edgewise.export._language import language as language
from edgewise.export._language import languages as languages
from edgewise.export._language import register as register
from edgewise.export._language import text as text
from edgewise.export._latex import latex as latex
from edgewise.export._latex import latex_names as latex_names
from edgewise.export._module import FormulaModule as FormulaModule
from edgewise.export._numpy import numpy as numpy
from edgewise.export._onnx import OnnxSource as OnnxSource
from edgewise.export._onnx import to_onnx as to_onnx
from edgewise.export._onnx_formula import onnx_formulas as onnx_formulas
from edgewise.export._onnx_formula import onnx_function as onnx_function
from edgewise.export._onnx_graph import OnnxGraph as OnnxGraph
from edgewise.export._onnx_graph import OnnxValue as OnnxValue
from edgewise.export._onnx_network import onnx_network as onnx_network
from edgewise.export._printer import Printer as Printer
from edgewise.export._source import Source as Source
from edgewise.export._steps import Program as Program
from edgewise.export._steps import program as program
from edgewise.export._text import identifiers as identifiers
from edgewise.export._torch import torch as torch
from edgewise.export._torch import torch_source as torch_source
