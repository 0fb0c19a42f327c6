"""Solvers that know nothing of networks, and the protocols of your own."""

from edgewise.train.optim._gradient import LBFGS as LBFGS
from edgewise.train.optim._gradient import Adam as Adam
from edgewise.train.optim._gradient import PrecisionName as PrecisionName
from edgewise.train.optim._gradient import ScheduleName as ScheduleName
from edgewise.train.optim._least_squares import CG as CG
from edgewise.train.optim._least_squares import LM as LM
from edgewise.train.optim._least_squares import DampedSolver as DampedSolver
from edgewise.train.optim._least_squares import DampedState as DampedState
from edgewise.train.optim._least_squares import GaussNewtonOperator as GaussNewtonOperator
from edgewise.train.optim._least_squares import LeastSquaresProblem as LeastSquaresProblem
from edgewise.train.optim._least_squares import MatrixFreeProblem as MatrixFreeProblem
from edgewise.train.optim._least_squares import NormalEquations as NormalEquations
from edgewise.train.optim._solver import BatchProblem as BatchProblem
from edgewise.train.optim._solver import GradientSolver as GradientSolver
from edgewise.train.optim._solver import LeastSquaresSolver as LeastSquaresSolver
from edgewise.train.optim._solver import Needs as Needs
from edgewise.train.optim._solver import Solver as Solver
from edgewise.train.optim._solver import Step as Step
from edgewise.train.optim._solver import StopReason as StopReason
