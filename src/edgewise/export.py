"""Formulas and networks elsewhere: LaTeX, NumPy, PyTorch, C99, Excel, ONNX, and languages that a user registers."""

from edgewise.interpret.export import *  # noqa: F403
