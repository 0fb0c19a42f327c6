"""Least squares that give the same bits every time, for functions that hardly differ as well."""

import torch
from torch import Tensor


def chebyshev_sites(ranges: Tensor, count: int) -> Tensor:
    """Chebyshev points of each range [lo, hi]: ranges (..., 2), result (count, ...)."""
    lo, hi = ranges.unbind(-1)
    angle = (torch.arange(count, dtype=ranges.dtype, device=ranges.device) + 0.5) * torch.pi / count
    share = torch.cos(angle).reshape(-1, *(1 for _ in lo.shape))
    return (lo + hi) / 2 - (hi - lo) / 2 * share


def least_squares(functions: Tensor, values: Tensor, ridge: float = 0.0) -> Tensor:
    """Return the coefficients c that minimize |functions c - values|^2 + (ridge u f |c|)^2.

    u is the rounding unit and f the size of the functions' largest column: a ridge of some units bars the huge
    coefficients that cancel each other where functions are dependent but for rounding, and moves the fit by as
    little. Shapes: functions (..., s, K), values (..., s, m), result (..., K, m).
    """
    if ridge:
        count = functions.shape[-1]
        largest = functions.norm(dim=-2).amax(-1)[..., None, None]
        floor = ridge * torch.finfo(functions.dtype).eps * largest
        rows = floor * torch.eye(count, dtype=functions.dtype, device=functions.device)
        functions = torch.cat([functions, rows], dim=-2)
        values = torch.cat([values, values.new_zeros(*values.shape[:-2], count, values.shape[-1])], dim=-2)
    # "gels", because torch's default on the CPU starts its pivoting from memory that it never set: no two runs agree.
    return torch.linalg.lstsq(functions, values, driver="gels").solution
