"""What the forward pass of a layer takes."""

from torch import Tensor

from edgewise._errors import InputError


def check_inputs(x: Tensor, n_in: int, what: str) -> None:
    """Raise InputError unless x is a tensor (..., n_in) of real numbers.

    >>> import torch
    >>> check_inputs(torch.zeros(5, 3), 3, "The layer")
    """
    if isinstance(x, Tensor) and (x.dim() == 0 or x.shape[-1] != n_in):
        raise InputError(f"{what} takes inputs of shape (..., {n_in}). Got {tuple(x.shape)}.")
    check_real(x, what)


def check_real(x: Tensor, what: str) -> None:
    """Raise InputError unless x is a tensor of real numbers.

    >>> import torch
    >>> check_real(torch.zeros(5, 3), "The layer")
    """
    if not isinstance(x, Tensor):
        raise InputError(f"{what} takes a tensor. Got {type(x).__name__}: torch.as_tensor(x) makes one of arrays.")
    if x.is_complex():
        raise InputError(f"{what} takes real numbers. Got {x.dtype}: give real and imaginary parts as two inputs.")
