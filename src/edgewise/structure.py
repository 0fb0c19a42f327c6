"""Tests of structure: what a function of several columns does with them, whether or not a formula exists."""

from edgewise.interpret.structure import *  # noqa: F403
