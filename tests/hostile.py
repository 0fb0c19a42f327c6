"""Modes of torch, layouts, dtypes and broken modules that a layer may meet, each tried on each kind of layer.

Run as a script it tries all of them in one process and prints two lines a case: which comes now, and how it ended. A
signal thus has a name. A case ends with the values of the reference backend, or with a Python exception.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, functionalize, grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.fx import symbolic_trace
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

import edgewise as ew

Module = Any
WIDTH = 8

MODULES: dict[str, Callable[[], Module]] = {
    **{basis: lambda basis=basis: ew.nn.KANLayer(WIDTH, 3, basis=basis) for basis in ew.bases.BASES},
    "rational": lambda: ew.nn.RationalLayer(WIDTH, 3, groups=2),
    "feed-forward": lambda: ew.nn.KANFeedForward(WIDTH, 12, groups=4),
    "spline feed-forward": lambda: ew.nn.KANFeedForward(WIDTH, 6, kind="spline"),
}


class Plain(Tensor):
    """A subclass that changes nothing."""


class Wrapper(Tensor):
    """A subclass without memory: it hands every operation to the tensor that it holds."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor, requires_grad: bool = False) -> Wrapper:
        made = Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, requires_grad=requires_grad)  # type: ignore[attr-defined]
        made.inner = inner.detach()
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map_only(Wrapper, lambda t: t.inner, (args, kwargs or {}))
        return tree_map_only(Tensor, Wrapper, func(*args, **kwargs))


class FunctionMode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class DispatchMode(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class WrongError(Exception):
    """Other values than those of the reference."""


def close(found: Any, expected: Any, **tolerances: Any) -> None:
    try:
        torch.testing.assert_close(found, expected, **tolerances)
    except AssertionError as error:
        raise WrongError(error) from None


def reference(module: Module, x: Tensor) -> Tensor:
    with ew.kernels.forced(backend="reference"):
        return module(x)


def same(module: Module, given: Any, plain: Tensor, of: Module = None) -> None:
    """The module's values at what is given are those at the plain tensor of the same numbers, of the module it was."""
    found, errors = [], []
    for training in (True, False):  # a call that nothing differentiates may take another way
        with torch.set_grad_enabled(training and not torch.is_inference_mode_enabled()):
            try:
                found.append(module(given))
            except Exception as error:  # noqa: BLE001 (whatever it is)
                errors.append(error)
    if not found:
        raise errors[0]
    try:
        expected = reference(module if of is None else of, plain).detach()
    except Exception as error:  # noqa: BLE001 (whatever it is)
        raise WrongError(f"the reference refuses it: {error}") from None
    for y in found:
        y = (y.inner if isinstance(y, Wrapper) else y).as_subclass(Tensor).detach()
        close(y, expected, rtol=1e-3, atol=1e-4, equal_nan=True, check_dtype=False)


def same_gradients(module: Module, x: Tensor, cotangent: Callable[[Tensor], Tensor] = torch.ones_like) -> None:
    """Gradients by the input and the parameters are those of the reference."""
    found = []
    for call in (module, lambda x: reference(module, x)):
        leaf = x.detach().clone().requires_grad_()
        y = call(leaf)
        with ew.kernels.forced(backend=None if call is module else "reference"):
            found.append(torch.autograd.grad(y, [leaf, *module.parameters()], cotangent(y)))
    close(*found, rtol=1e-3, atol=1e-3)


def with_(module: Module, change: Callable[[str, Tensor], Any], *, buffers: bool = False) -> Module:
    """A copy with other parameters, or other knots."""
    new = copy.deepcopy(module)
    for part in new.modules():
        for name, value in list((part._buffers if buffers else part._parameters).items()):
            if value is not None and (not buffers or name == "knots"):
                made = change(name, value.detach())
                if buffers:
                    part._buffers[name] = made
                else:
                    part._parameters[name] = made  # whatever it is: what loaders, wrappers and quantizers do
    return new


# modes


def traced(m: Module, x: Tensor) -> None:
    same(torch.jit.trace(m, x[:3]), x, x, m)


def mapped_parameters(m: Module, x: Tensor) -> None:
    state = {name: torch.stack([value.detach()] * 2) for name, value in m.named_parameters()}
    found = vmap(lambda state: functional_call(m, state, (x,)))(state)
    close(found[1], reference(m, x), rtol=1e-3, atol=1e-4)


def forward_derivative(m: Module, x: Tensor) -> None:
    found, expected = (jvp(call, (x,), (torch.ones_like(x),))[1] for call in (m, lambda x: reference(m, x)))
    close(found, expected, rtol=1e-3, atol=1e-3)


def transformed(transform: Callable[..., Any]) -> Callable[[Module, Tensor], None]:
    def run(m: Module, x: Tensor) -> None:
        found = transform(lambda x: m(x).sum(0))(x[:2])
        expected = transform(lambda x: reference(m, x).sum(0))(x[:2])
        close(found, expected, rtol=1e-3, atol=1e-2)

    return run


def in_mode(mode: Callable[[], Any]) -> Callable[[Module, Tensor], None]:
    def run(m: Module, x: Tensor) -> None:
        with mode():
            same(m, x, x)

    return run


def faked(m: Module, x: Tensor) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert m(mode.from_tensor(x)).shape == m(x).shape
        whole = copy.deepcopy(m)
    with FakeTensorMode():
        assert whole(torch.empty(5, WIDTH)).shape[0] == 5


def fake_parameters(m: Module, x: Tensor) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    mode = FakeTensorMode()
    with_(m, lambda _, value: mode.from_tensor(value))(x)


def on_meta(m: Module, x: Tensor) -> None:
    rows = 2**31 // WIDTH + 1
    assert copy.deepcopy(m).to("meta")(torch.empty(rows, WIDTH, device="meta")).shape[0] == rows


def after_backward(m: Module, x: Tensor) -> None:
    leaf = x.clone().requires_grad_()
    view = leaf[1:, :]
    y = m(view)
    view.detach().mul_(2)  # changed in place between the passes: torch refuses, or the numbers are old
    y.sum().backward()


def second_derivative(m: Module, x: Tensor) -> None:
    found = []
    for call in (m, lambda x: reference(m, x)):
        leaf = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(call(leaf).square().sum(), leaf, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), leaf)[0])
    close(*found, rtol=1e-2, atol=1e-1)


def saved_as(change: Callable[[Tensor], Any]) -> Callable[[Module, Tensor], None]:
    def run(m: Module, x: Tensor) -> None:
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t, change):
            y = m(x.clone().requires_grad_())
        y.sum().backward()

    return run


def freed(m: Module, x: Tensor) -> None:
    def empty(_: str, value: Tensor) -> Tensor:
        value = value.clone()
        value.untyped_storage().resize_(0)
        return value

    with_(m, empty)(x)


def negative_strides(m: Module, x: Tensor) -> None:
    same(m, torch.from_numpy(x.numpy()[::-1]), x.flip(0))  # which torch refuses; its from_dlpack ends the process


def given(make: Callable[[Tensor], Any], plain: Callable[[Tensor], Tensor] | None = None) -> Callable[..., None]:
    """The module at what is made of rows."""

    def run(m: Module, x: Tensor) -> None:
        made = make(x)
        same(m, made, made if plain is None else plain(x))

    return run


def changed(change: Callable[[str, Tensor], Any], *, buffers: bool = False, train: bool = True) -> Callable[..., None]:
    """A module with other parameters or knots, forward and backward."""

    def run(m: Module, x: Tensor) -> None:
        new = with_(m, change, buffers=buffers)
        same(new, x, x)
        if train:
            leaf = x.clone().requires_grad_()
            new(leaf).sum().backward()

    return run


def strided(x: Tensor) -> Tensor:
    return torch.arange(20.0).div(10).as_strided((6, WIDTH), (1, 1))


MODES: dict[str, Callable[[Module, Tensor], None]] = {
    "jit.trace": traced,
    "jit.script": lambda m, x: same(torch.jit.script(m), x, x, m),
    "fx": lambda m, x: same(symbolic_trace(m), x, x, m),
    "make_fx": lambda m, x: same(make_fx(m)(x), x, x, m),
    "vmap rows": lambda m, x: same(vmap(m), x, x, m),
    "vmap columns": lambda m, x: same(vmap(m, in_dims=1), x.T, x, m),
    "vmap parameters": mapped_parameters,
    "grad": transformed(lambda f: grad(lambda x: f(x).sum())),
    "jacrev": transformed(jacrev),
    "jacfwd": transformed(jacfwd),
    "hessian": transformed(hessian),
    "jvp": forward_derivative,
    "functionalize": lambda m, x: same(functionalize(m), x, x, m),
    "function mode": in_mode(FunctionMode),
    "dispatch mode": in_mode(DispatchMode),
    "inference mode": in_mode(torch.inference_mode),
    "deterministic autocast": in_mode(lambda: torch.autocast("cpu", dtype=torch.bfloat16)),
    "fake": faked,
    "fake parameters": fake_parameters,
    "meta 2^31": on_meta,
    "meta input": given(lambda x: x.to("meta")),
    "meta parameters": changed(lambda _, value: value.to("meta")),
    "subclass": given(lambda x: x.as_subclass(Plain), lambda x: x),
    "wrapper": given(Wrapper, lambda x: x),
    "wrapped parameters": changed(lambda _, value: Wrapper(value), train=False),
    "subclassed parameters": changed(lambda _, value: value.as_subclass(Plain), train=False),
    "changed view": after_backward,
    "second derivative": second_derivative,
    "saved as half": saved_as(lambda t: t.half()),
    "saved shorter": saved_as(lambda t: t[:1]),
    "saved wrapped": saved_as(Wrapper),
    "saved transposed": saved_as(lambda t: t.mT.contiguous().mT if t.dim() > 1 else t),
    "cotangent expanded": lambda m, x: same_gradients(m, x, lambda y: torch.ones(()).expand_as(y)),
    "cotangent negated": lambda m, x: same_gradients(m, x, lambda y: torch._neg_view(torch.rand(y.shape) * 0 + 2.0)),
    "cotangent columns": lambda m, x: same_gradients(m, x, lambda y: torch.ones(y.shape[::-1]).T),
    "freed parameters": freed,
    "negative strides": negative_strides,
    "numpy": given(lambda x: x.numpy()[::-1], lambda x: x.flip(0)),
    "negated view": given(torch._neg_view, lambda x: -x),
    "conjugate part": given(lambda x: torch.complex(x, x).conj().imag, lambda x: -x),
    "overlapping": given(strided, lambda x: strided(x).contiguous()),
    "expanded": given(lambda x: x[:1].expand(6, WIDTH), lambda x: x[:1].repeat(6, 1)),
    "zero strides": given(lambda x: x[0, 0].expand(6, WIDTH), lambda x: x[0, 0].repeat(6, WIDTH)),
    "no rows": given(lambda x: x[:0]),
    "no rows within": given(lambda x: torch.zeros(3, 0, WIDTH)),
    "transposed": given(lambda x: x.T.contiguous().T, lambda x: x),
    "slices": given(lambda x: torch.stack([x, x + 9], 2)[:, :, 0], lambda x: x),
    "channels last": given(
        lambda x: x.repeat(1, 9).view(2, 3, 9, WIDTH).contiguous(memory_format=torch.channels_last),
        lambda x: x.repeat(1, 9).view(2, 3, 9, WIDTH),
    ),
    "sparse": given(lambda x: x.to_sparse(), lambda x: x),
    "sparse rows": given(lambda x: x.to_sparse_csr(), lambda x: x),
    "mkldnn": given(lambda x: x.to_mkldnn(), lambda x: x),
    "nested": given(lambda x: torch.nested.nested_tensor([x[:2], x[2:]])),
    "quantized": given(lambda x: torch.quantize_per_tensor(x, 0.1, 10, torch.quint8)),
    "complex": given(lambda x: torch.complex(x, x)),
    "bool": given(lambda x: x > 0, lambda x: (x > 0).float()),
    "int8": given(lambda x: x.to(torch.int8), lambda x: x.to(torch.int8).float()),
    "half": given(lambda x: x.half(), lambda x: x.half().float()),
    "float8": given(lambda x: x.to(torch.float8_e4m3fn), lambda x: x.to(torch.float8_e4m3fn).float()),
    "double": given(lambda x: x.double(), lambda x: x),
    "nan": given(lambda x: x * float("nan")),
    "inf": given(lambda x: x * float("inf")),
    "huge": given(lambda x: x * 3e37),
    "scalar": given(lambda x: x[0, 0]),
    "too wide": given(lambda x: torch.cat([x, x], 1)),
    "too narrow": given(lambda x: x[:, :3]),
    "double parameters": changed(lambda _, value: value.double(), train=False),
    "strided parameters": changed(lambda _, value: value.mT.contiguous().mT if value.dim() > 1 else value),
    "negated parameters": changed(lambda _, value: torch._neg_view(value)),
    "expanded parameters": changed(lambda _, value: value[:1].expand(value.shape)),
    "fewer outputs": changed(lambda _, value: value[:1]),
    "fewer columns": changed(lambda _, value: value[..., :1]),
    "fewer inputs": changed(lambda _, value: value[:, :2]),
    "more coefficients": changed(lambda _, value: torch.cat([value, value], -1)),
    "flat parameters": changed(lambda _, value: value.flatten()),
    "integer parameters": changed(lambda _, value: value.long(), train=False),
    "nan parameters": changed(lambda _, value: value * float("nan")),
    "nan knots": changed(lambda _, value: value * float("nan"), buffers=True),
    "equal knots": changed(lambda _, value: value * 0, buffers=True),
    "reversed knots": changed(lambda _, value: value.flip(1), buffers=True),
    "infinite knots": changed(lambda _, value: value * float("inf"), buffers=True),
    "fewer knots": changed(lambda _, value: value[:, :-2], buffers=True),
    "knots of fewer inputs": changed(lambda _, value: value[:1], buffers=True),
    "no knots": changed(lambda _, value: value[:, :0], buffers=True),
    "double knots": changed(lambda _, value: value.double(), buffers=True),
    "half knots": changed(lambda _, value: value.half(), buffers=True, train=False),
    "integer knots": changed(lambda _, value: (9 * value).long(), buffers=True, train=False),
    "wrapped knots": changed(lambda _, value: Wrapper(value), buffers=True, train=False),
    "meta knots": changed(lambda _, value: value.to("meta"), buffers=True),
    "strided knots": changed(lambda _, value: value.T.contiguous().T, buffers=True),
    "negated knots": changed(lambda _, value: torch._neg_view(-value), buffers=True),
}


def main(first: int) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = 2 * torch.rand(6, WIDTH) - 1
    made = {kind: make() for kind, make in MODULES.items()}
    for kind, mode in CASES[first:]:
        tell(f"{kind}: {mode}")
        try:
            MODES[mode](made[kind], x.clone())
            tell("right")
        except WrongError as error:
            tell(f"wrong {error}")
        except Exception as error:  # noqa: BLE001 (that nothing but an exception comes is what is tried)
            tell(f"raised {type(error).__name__}: {error}")


def tell(words: str) -> None:
    sys.stdout.write(words.replace("\n", " ")[:300] + "\n")
    sys.stdout.flush()


#: every mode on B-splines, and each on a third of the others, by turns
CASES = [(kind, mode) for k, kind in enumerate(MODULES) for m, mode in enumerate(MODES) if k == 0 or (k + m) % 3 == 0]

if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 0)
