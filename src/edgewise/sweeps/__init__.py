"""Sweeps: networks of many settings trained on one table, in one process or on many machines."""

from edgewise.sweeps._result import Sweep as Sweep
from edgewise.sweeps._result import Trial as Trial
from edgewise.sweeps._space import Space as Space
from edgewise.sweeps._sweep import sweep as sweep
