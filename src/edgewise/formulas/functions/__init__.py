"""The univariate functions that curves and network edges can be read as, and the table of shapes that searches try."""

from edgewise.formulas.functions._library import Function as Function
from edgewise.formulas.functions._library import get as get
from edgewise.formulas.functions._library import names as names
from edgewise.formulas.functions._library import register as register
from edgewise.formulas.functions._library import registered as registered
from edgewise.formulas.functions._shapes import Frame as Frame
from edgewise.formulas.functions._shapes import Shape as Shape
from edgewise.formulas.functions._shapes import Where as Where
from edgewise.formulas.functions._shapes import shapes as shapes
