"""Share of good starts on the four-variable target: smooth random curves, as the library has them, against rough noise.

    python benchmarks/starts.py

Both kinds meet the same table, the same network shape and the same solver as the starts of `edgewise.fit`; a start is
good when its error on held-out rows is below 0.05 of the target's spread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from record import RESULTS, append, clock, pin
from report import table
from targets import DEEP

import edgewise as ew
from edgewise.nn import adapt_grid, clone
from edgewise.optim import LM
from edgewise.train._objective import LeastSquares, Table
from edgewise.train._starts import _coarse, error_of

WIDTHS = [4, 2, 1, 1]
GRID = 3
ROWS = 1000
GOOD = 0.05
