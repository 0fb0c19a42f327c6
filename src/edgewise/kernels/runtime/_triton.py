"""The one import of Triton: modules that hold kernels import with it or without, and only `_gpu` imports them, late."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

triton: Any
tl: Any
try:
    triton, tl = import_module("triton"), import_module("triton.language")
except ImportError:
    triton = tl = None

_OLDEST = (3, 5)  # the first with products in double precision
_VARYING = ["n_rows", "rows_each", "inputs_each", "parts"]  # a smaller last batch must not trigger a new compilation


def jit(function: Callable[..., Any]) -> Any:
    """Return the Triton kernel of a function; the plain function where Triton is missing, where nothing calls it."""
    return function if triton is None else triton.jit(function, do_not_specialize=_VARYING)


def missing() -> str | None:
    """Return what is wrong with Triton here, or None."""
    if triton is None:
        return "Triton is not installed"
    if tuple(int(part) for part in triton.__version__.split(".")[:2]) < _OLDEST:
        return f"Triton {triton.__version__} is older than {_OLDEST[0]}.{_OLDEST[1]}"
    return None


def interpreted() -> bool:
    """Say whether kernels run in Triton's interpreter, on CPU tensors, which is how they are tested without a GPU."""
    return triton is not None and not isinstance(tl.cdiv, triton.JITFunction)
