"""What the Numba sources of packages above are written with. Imported only to compile them."""

from edgewise.kernels.runtime._simd import FAST as FAST
from edgewise.kernels.runtime._simd import SIGNATURE as SIGNATURE
from edgewise.kernels.runtime._simd import full_width as full_width
from edgewise.kernels.runtime._simd import instruction as instruction
from edgewise.kernels.runtime._simd import nothing as nothing
from edgewise.kernels.runtime._simd import pointer_to as pointer_to
