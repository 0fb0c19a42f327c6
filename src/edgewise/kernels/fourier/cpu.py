"""The Fourier kernels on CPUs."""

from edgewise.kernels._whole import Whole

_kernels = Whole("edgewise.kernels.fourier._cpu_values", lambda size: 2 * size + 1)
prepare, expand, reduce = _kernels.prepare, _kernels.expand, _kernels.reduce
