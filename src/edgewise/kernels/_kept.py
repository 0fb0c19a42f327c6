"""Which graphs that torch records keep the operators."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.kernels._backend import Family
from edgewise.kernels._operators import name_of

_NUMBA = find_spec("numba") is not None
_IS_EXPORTING = getattr(torch.compiler, "is_exporting", None)  # since torch 2.7
_ASKED = {"exports": False}  # not a ContextVar, which torch.compile cannot read


@contextmanager
def kept() -> Iterator[None]:
    """Export programs that call edgewise's kernels, for CPU tensors and bases with kernels.

    Otherwise `torch.export.export` writes plain torch operations, which run where edgewise is not installed. A program
    with kernels is as fast as the module itself, also compiled by AOTInductor, and needs `import edgewise.kernels`
    before it is loaded.

    Errors: InputError if there are no kernels, because Numba is not installed, or if torch is older than 2.7.

    >>> import edgewise as ew, torch
    >>> with ew.kernels.kept():
    ...     program = torch.export.export(ew.nn.KANLayer(3, 2), (torch.zeros(5, 3),))
    >>> torch.ops.edgewise.affine.default in [node.target for node in program.graph.nodes]
    True
    """
    if not _NUMBA:
        raise InputError("Programs cannot keep the kernels: numba is not installed. Install it, or export without.")
    if _IS_EXPORTING is None:
        raise InputError(f"Programs keep the kernels with torch 2.7 or later. Got {torch.__version__}.")
    before, _ASKED["exports"] = _ASKED["exports"], True
    try:
        yield
    finally:
        _ASKED["exports"] = before


def is_kept(x: Tensor, family: Family) -> bool:
    """Return whether a graph that torch records now keeps the operators of a family.

    torch.compile's graphs for CPUs do, and exported programs where `kept` asks for it. Functorch transforms look into
    what they map.
    """
    if _IS_EXPORTING is None or (_IS_EXPORTING() and not _ASKED["exports"]):
        return False
    return _serves(x) and name_of(family) is not None


def exports_keep(x: Tensor) -> bool:
    """Return whether torch exports a program now that `kept` asks to keep the kernels."""
    return _IS_EXPORTING is not None and _IS_EXPORTING() and _ASKED["exports"] and _serves(x)


def _serves(x: Tensor) -> bool:
    if not _NUMBA or x.device.type != "cpu":
        return False
    return torch._C._get_tracing_state() is None and not torch._C._are_functorch_transforms_active()
