"""Solvers that know nothing of networks, and the protocols of your own."""

from edgewise.train.optim._adam import Adam as Adam
from edgewise.train.optim._adam import PrecisionName as PrecisionName
from edgewise.train.optim._adam import ScheduleName as ScheduleName
from edgewise.train.optim._batches import BatchProblem as BatchProblem
from edgewise.train.optim._batches import Step as Step
from edgewise.train.optim._batches import StopReason as StopReason
from edgewise.train.optim._conjugate_gradients import CG as CG
from edgewise.train.optim._damped import DampedSolver as DampedSolver
from edgewise.train.optim._damped import DampedState as DampedState
from edgewise.train.optim._damped import GaussNewtonOperator as GaussNewtonOperator
from edgewise.train.optim._damped import LeastSquaresProblem as LeastSquaresProblem
from edgewise.train.optim._damped import MatrixFreeProblem as MatrixFreeProblem
from edgewise.train.optim._damped import NormalEquations as NormalEquations
from edgewise.train.optim._lbfgs import LBFGS as LBFGS
from edgewise.train.optim._levenberg_marquardt import LM as LM
from edgewise.train.optim._solver import GradientSolver as GradientSolver
from edgewise.train.optim._solver import LeastSquaresSolver as LeastSquaresSolver
from edgewise.train.optim._solver import Needs as Needs
from edgewise.train.optim._solver import Solver as Solver
