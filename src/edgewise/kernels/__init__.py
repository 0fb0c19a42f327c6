"""Tensors in, tensors out: the numerical operations under every basis."""

from edgewise.kernels._family import Family as Family
from edgewise.kernels._memo import plain_world as plain_world
from edgewise.kernels._memo import remembered as remembered
from edgewise.kernels._ops import basis as basis
from edgewise.kernels._ops import contract as contract
from edgewise.kernels._threads import one_thread as one_thread
