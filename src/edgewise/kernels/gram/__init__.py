"""Normal equations of spline edges."""

from edgewise.kernels.gram.cpu import Edges as Edges
from edgewise.kernels.gram.cpu import Local as Local
from edgewise.kernels.gram.cpu import add_splines as add_splines
