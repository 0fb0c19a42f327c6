"""Sweeps: networks of many settings trained on one table, in one process or on many machines."""

from edgewise.networks.sweeps._space import Space as Space
from edgewise.networks.sweeps._sweep import Sweep as Sweep
from edgewise.networks.sweeps._sweep import Trial as Trial
from edgewise.networks.sweeps._sweep import sweep as sweep
