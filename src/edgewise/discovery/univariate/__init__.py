"""Functions of one variable."""

from edgewise.discovery.univariate._law import BY_NAME as BY_NAME
from edgewise.discovery.univariate._law import Transform as Transform
from edgewise.discovery.univariate._law import with_slope as with_slope
from edgewise.discovery.univariate._univariate import snap_univariate as snap_univariate
