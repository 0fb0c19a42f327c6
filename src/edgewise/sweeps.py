"""Sweeps: networks of many settings trained on one table, in one process or on many machines."""

from edgewise.networks.sweeps import *  # noqa: F403
