"""Models of a table: polynomials, Gaussian processes, networks."""

from edgewise.discovery.models._networks import Ceiling as Ceiling
from edgewise.discovery.models._networks import best_surrogate as best_surrogate
from edgewise.discovery.models._networks import logarithms as logarithms
from edgewise.discovery.models._networks import structures as structures
from edgewise.discovery.models._networks import trained as trained
from edgewise.discovery.models._outliers import far_rows as far_rows
from edgewise.discovery.models._outliers import isolated_cells as isolated_cells
from edgewise.discovery.models._outliers import residual_of_most as residual_of_most
from edgewise.discovery.models._surrogate import Recalled as Recalled
from edgewise.discovery.models._surrogate import Surrogate as Surrogate
from edgewise.discovery.models._surrogate import expanded as expanded
from edgewise.discovery.models._surrogate import neighbor_correlation as neighbor_correlation
from edgewise.discovery.models._surrogate import smoothed as smoothed
