"""What compiled kernels may be handed: they read memory by addresses, so everything is checked before."""

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels._backend import Family

_TYPES = (Tensor, torch.nn.Parameter, torch.nn.Buffer)


def is_plain(*tensors: Tensor | None) -> bool:
    """Return whether tensors are memory as it stands: no subclass, no sparse layout, no sign that is still to come.

    Nor are they where a dispatch mode looks on, as make_fx and FakeTensorMode do: it sees no kernel write.

    Errors: InputError for memory that has been freed, as sharding wrappers do between two steps.
    """
    if torch._C._len_torch_dispatch_stack():
        return False
    for tensor in tensors:
        if tensor is None:
            continue
        if type(tensor) not in _TYPES or tensor.layout is not torch.strided or tensor.is_neg():
            return False
        if tensor.is_cpu and not tensor.data_ptr() and tensor.numel():
            raise InputError(f"A tensor of shape {tuple(tensor.shape)} has no memory: its storage has been freed.")
    return True


def check_sizes(
    x: Tensor, knots: Tensor, family: Family, count: int, n_out: int, *, c: Tensor | None, g: Tensor | None,
    v: Tensor | None,
) -> None:  # fmt: skip
    """Raise InputError unless points, knots, coefficients, cotangents and weights are of one size."""
    n, n_in = x.shape
    each = 2 if family.degree is None else count + family.degree + 1
    if knots.shape != (n_in, each):
        raise _wrong("knots", knots, n_in, each)
    if c is not None and c.shape != (n_out, n_in, count):
        raise _wrong("coefficients", c, n_out, n_in, count)
    if g is not None and g.shape != (n, n_out):
        raise _wrong("cotangents", g, n, n_out)
    if v is not None and v.shape != (n, n_in):
        raise _wrong("weights", v, n, n_in)


def _wrong(what: str, tensor: Tensor, *expected: int) -> InputError:
    return InputError(f"The {what} must have shape {expected}. Got {tuple(tensor.shape)}.")
