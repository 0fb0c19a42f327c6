"""The functions that edges are made of, and the ranges they live on."""

from edgewise.nn.bases import *  # noqa: F403
