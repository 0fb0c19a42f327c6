"""Which columns of a table are tied by an equation, and by which."""

from edgewise.discovery.unsupervised import *  # noqa: F403
