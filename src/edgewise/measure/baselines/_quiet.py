"""Ways with libraries that print and have a precision of their own."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def in_precision(dtype: torch.dtype) -> Iterator[None]:
    """Whoever makes tensors of torch's default dtype makes them of this one."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Nothing is printed."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
