"""Solvers that know nothing of networks, and the protocols of your own."""

from edgewise.train.optim import *  # noqa: F403
