"""Tensors in, tensors out: the numerical operations under every basis."""

from edgewise.kernels._dispatch import Choice as Choice
from edgewise.kernels._dispatch import explain as explain
from edgewise.kernels._dispatch import forced as forced
from edgewise.kernels._dispatch import prepare as prepare
from edgewise.kernels._family import Family as Family
from edgewise.kernels._memo import plain_world as plain_world
from edgewise.kernels._memo import remembered as remembered
from edgewise.kernels._ops import basis as basis
from edgewise.kernels._ops import contract as contract
from edgewise.kernels._routes import pull_c as pull_c
from edgewise.kernels._routes import pull_x as pull_x
from edgewise.kernels._threads import one_thread as one_thread
from edgewise.kernels.cholesky import Factor as Factor
from edgewise.kernels.cholesky import factor_for as factor_for
from edgewise.kernels.rational import rational as rational
