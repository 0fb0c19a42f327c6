"""Solvers that know nothing of networks."""

from edgewise.optim._gradient import LBFGS as LBFGS
from edgewise.optim._gradient import Adam as Adam
from edgewise.optim._levenberg_marquardt import LM as LM
from edgewise.optim._levenberg_marquardt import Normal as Normal
from edgewise.optim._levenberg_marquardt import SumOfSquares as SumOfSquares
