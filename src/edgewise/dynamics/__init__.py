"""From measured trajectories and fields to differential equations."""

from edgewise.dynamics._discover_ode import discover_ode as discover_ode
from edgewise.dynamics._equations import Constant as Constant
from edgewise.dynamics._population import Population as Population
from edgewise.dynamics._result import Dynamics as Dynamics
from edgewise.dynamics._result import DynamicsCandidate as DynamicsCandidate
from edgewise.dynamics._verdict import Outcome as Outcome
from edgewise.dynamics.fields import FieldCandidate as FieldCandidate
from edgewise.dynamics.fields import FieldEquations as FieldEquations
from edgewise.dynamics.fields import discover_pde as discover_pde
