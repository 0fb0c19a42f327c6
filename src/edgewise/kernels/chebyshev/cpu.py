"""The Chebyshev kernels on CPUs."""

from edgewise.kernels._whole import Whole

_kernels = Whole("edgewise.kernels.chebyshev._cpu_values", lambda size: size + 1)
prepare, expand, reduce = _kernels.prepare, _kernels.expand, _kernels.reduce
