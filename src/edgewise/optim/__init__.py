"""Solvers that know nothing of networks."""

from edgewise.optim._conjugate_gradients import CG as CG
from edgewise.optim._gradient import LBFGS as LBFGS
from edgewise.optim._gradient import Adam as Adam
from edgewise.optim._levenberg_marquardt import LM as LM
from edgewise.optim._normal import Linear as Linear
from edgewise.optim._normal import MatrixFree as MatrixFree
from edgewise.optim._normal import Normal as Normal
from edgewise.optim._normal import SumOfSquares as SumOfSquares
