"""Formulas straight from a table of few columns."""

from edgewise.discovery.generators._algebra import algebraic as algebraic
from edgewise.discovery.generators._curves import curves as curves
from edgewise.discovery.generators._direct import baselines as baselines
from edgewise.discovery.generators._endgame import direct as direct
from edgewise.discovery.generators._endgame import linear_in as linear_in
from edgewise.discovery.generators._endgame import trees as trees
from edgewise.discovery.generators._endgame import univariate as univariate
from edgewise.discovery.generators._regression import regressions as regressions
from edgewise.discovery.generators._textbook import Textbook as Textbook
from edgewise.discovery.generators._textbook import exact_exponents as exact_exponents
from edgewise.discovery.generators._textbook import likely as likely
from edgewise.discovery.generators._textbook import may_be as may_be
from edgewise.discovery.generators._textbook import named as named
from edgewise.discovery.generators._textbook import textbook as textbook
