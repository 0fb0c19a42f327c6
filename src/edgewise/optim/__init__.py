"""Solvers that know nothing of networks."""

from edgewise.optim._adam import Adam as Adam
from edgewise.optim._conjugate_gradients import CG as CG
from edgewise.optim._lbfgs import LBFGS as LBFGS
from edgewise.optim._levenberg_marquardt import LM as LM
from edgewise.optim._normal import Linear as Linear
from edgewise.optim._normal import MatrixFree as MatrixFree
from edgewise.optim._normal import Normal as Normal
from edgewise.optim._normal import SumOfSquares as SumOfSquares
from edgewise.optim._run import Ending as Ending
from edgewise.optim._run import Step as Step
from edgewise.optim._run import Trainable as Trainable
from edgewise.optim._schedule import Schedule as Schedule
