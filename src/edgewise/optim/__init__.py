"""Solvers that know nothing of networks, and the protocols of your own."""

from edgewise.optim._adam import Adam as Adam
from edgewise.optim._adam import PrecisionName as PrecisionName
from edgewise.optim._adam import ScheduleName as ScheduleName
from edgewise.optim._batches import BatchProblem as BatchProblem
from edgewise.optim._batches import Step as Step
from edgewise.optim._batches import StopReason as StopReason
from edgewise.optim._conjugate_gradients import CG as CG
from edgewise.optim._damped import DampedSolver as DampedSolver
from edgewise.optim._damped import DampedState as DampedState
from edgewise.optim._damped import GaussNewtonOperator as GaussNewtonOperator
from edgewise.optim._damped import LeastSquaresProblem as LeastSquaresProblem
from edgewise.optim._damped import MatrixFreeProblem as MatrixFreeProblem
from edgewise.optim._damped import NormalEquations as NormalEquations
from edgewise.optim._lbfgs import LBFGS as LBFGS
from edgewise.optim._levenberg_marquardt import LM as LM
from edgewise.optim._solver import GradientSolver as GradientSolver
from edgewise.optim._solver import LeastSquaresSolver as LeastSquaresSolver
from edgewise.optim._solver import Needs as Needs
from edgewise.optim._solver import Solver as Solver
