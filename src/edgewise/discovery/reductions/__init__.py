"""Symmetries that a model of a table shows, and the columns that they eliminate."""

from edgewise.discovery.reductions._reduction import Model as Model
from edgewise.discovery.reductions._reduction import Step as Step
from edgewise.discovery.reductions._reduction import guessed as guessed
from edgewise.discovery.reductions._reduction import reduced as reduced
from edgewise.discovery.reductions._symmetries import near_fraction as near_fraction
