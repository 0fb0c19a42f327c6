"""From measured fields to partial differential equations."""

from edgewise.dynamics.fields._discover_pde import discover_pde as discover_pde
from edgewise.dynamics.fields._result import FieldCandidate as FieldCandidate
from edgewise.dynamics.fields._result import FieldEquations as FieldEquations
