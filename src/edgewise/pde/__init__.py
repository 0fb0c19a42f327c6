"""Differential equations solved by networks: written as plain functions, trained to many digits by second order."""

from edgewise.pde._boundary import Boundary as Boundary
from edgewise.pde._box import Box as Box
from edgewise.pde._box import Face as Face
from edgewise.pde._corner import Corner as Corner
from edgewise.pde._corner import Singular as Singular
from edgewise.pde._disk import Disk as Disk
from edgewise.pde._domain import Domain as Domain
from edgewise.pde._jet import Jet as Jet
from edgewise.pde._march import march as march
from edgewise.pde._marched import Marched as Marched
from edgewise.pde._networks import products as products
from edgewise.pde._outcome import Outcome as Outcome
from edgewise.pde._pass import JetPass as JetPass
from edgewise.pde._polygon import Polygon as Polygon
from edgewise.pde._problem import Condition as Condition
from edgewise.pde._problem import Periodic as Periodic
from edgewise.pde._problem import Problem as Problem
from edgewise.pde._problem import measured as measured
from edgewise.pde._problem import periodic as periodic
from edgewise.pde._saved import load as load
from edgewise.pde._solution import Errors as Errors
from edgewise.pde._solution import Solution as Solution
from edgewise.pde._solve import solve as solve
