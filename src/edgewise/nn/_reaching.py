"""What reaches the KAN layers of a module: one run of it, with hooks."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise.nn._layer import KANLayer

Arguments = Tensor | tuple[Any, ...] | Mapping[str, Any]
"""What a module is called with: one tensor, or its arguments as a tuple or by name."""


def kan_layers(module: torch.nn.Module) -> dict[str, KANLayer]:
    """Return the KAN layers of a module by their names in it, each once.

    Errors: InputError where there is none, and for what is no module.

    >>> list(kan_layers(torch.nn.Sequential(torch.nn.Linear(3, 2), KANLayer(2, 1))))
    ['1']
    """
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"'module' must be a torch module. Got {type(module).__name__}.")
    found = {name: part for name, part in module.named_modules() if isinstance(part, KANLayer)}
    if not found:
        raise InputError(f"There is no KANLayer in {type(module).__name__}.")
    return found


def run_with(module: torch.nn.Module, x: Arguments, see: Callable[[str, Tensor], None]) -> None:
    """Run a module on x and show `see` each layer's name and inputs (..., n_in) as they reach it.

    Modules that are compiled run eagerly meanwhile, because compiled code does not call new hooks.
    """
    with ExitStack() as stack:
        stack.enter_context(_uncompiled())
        for name, layer in kan_layers(module).items():

            def hook(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any], name: str = name) -> None:
                see(name, args[0] if args else kwargs["x"])

            stack.enter_context(_removed(layer.register_forward_pre_hook(hook, with_kwargs=True)))
        if isinstance(x, Mapping):
            module(**x)
        else:
            module(*(x if isinstance(x, tuple) else (x,)))


def inputs_of(module: torch.nn.Module, x: Arguments) -> dict[str, Tensor]:
    """Return the inputs (rows, n_in) of each layer in one run, those of a layer that runs several times together.

    Layers that the run does not reach are left out.

    >>> found = inputs_of(torch.nn.Sequential(KANLayer(3, 2)), torch.zeros(4, 5, 3))
    >>> found["0"].shape
    torch.Size([20, 3])
    """
    found: dict[str, list[Tensor]] = {}
    with torch.no_grad():
        run_with(module, x, lambda name, h: found.setdefault(name, []).append(h.detach().reshape(-1, h.shape[-1])))
    return {name: torch.cat(parts) for name, parts in found.items()}


@contextmanager
def _removed(handle: Any) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _uncompiled() -> Iterator[None]:
    if "torch._dynamo" not in sys.modules:  # nothing has been compiled, and importing it takes a second
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
