"""A person steering: a branching history of networks, each step one call, seen before it is taken, undone, replayed."""

from edgewise.networks.session import *  # noqa: F403
