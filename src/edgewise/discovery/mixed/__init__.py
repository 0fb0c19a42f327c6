"""Constants that differ by group, drawn from a normal distribution: estimates, and what they say of each group."""

from edgewise.discovery.mixed._by_group import ByGroup as ByGroup
from edgewise.discovery.mixed._by_group import codes_of as codes_of
from edgewise.discovery.mixed._by_group import label_of as label_of
from edgewise.discovery.mixed._linear import Blocks as Blocks
from edgewise.discovery.mixed._linear import Solved as Solved
from edgewise.discovery.mixed._model import MixedFit as MixedFit
from edgewise.discovery.mixed._model import MixedModel as MixedModel
