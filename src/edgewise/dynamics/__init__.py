"""From measured trajectories to differential equations."""

from edgewise.dynamics._discover_ode import discover_ode as discover_ode
from edgewise.dynamics._equations import Constant as Constant
from edgewise.dynamics._result import Dynamics as Dynamics
from edgewise.dynamics._result import DynamicsCandidate as DynamicsCandidate
from edgewise.dynamics._verdict import Outcome as Outcome
