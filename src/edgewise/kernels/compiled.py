"""Machine code for packages above the kernels: a Numba source becomes a function that is kept on disk."""

from edgewise.kernels.runtime._compiled import compiled as compiled
