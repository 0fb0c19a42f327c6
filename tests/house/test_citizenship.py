"""Layers and networks are torch modules like any other: what torch offers for its own works for them."""

from __future__ import annotations

import copy
import io
import pickle
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from citizens import SUBJECTS, assert_same_gradients, close, gradients, is_curve, rows, shaken
from torch import Tensor
from torch.nn.utils import parametrize
from torch.utils.checkpoint import checkpoint

import edgewise as ew
from edgewise.nn import KANLayer, RationalLayer

Module = torch.nn.Module
HALVES = [torch.float16, torch.bfloat16]


@pytest.fixture(params=SUBJECTS)
def module(request: pytest.FixtureRequest) -> Any:
    return SUBJECTS[request.param]()


# compile and export


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_as_one_graph_with_the_same_values_and_gradients(module: Any, backend: str) -> None:
    torch.compiler.reset()
    compiled, x = torch.compile(module, fullgraph=True, backend=backend), rows(9)
    close(compiled(x), module(x))
    assert_same_gradients(gradients(compiled, x, module.parameters()), gradients(module, x, module.parameters()))


def test_one_compiled_graph_serves_every_number_of_rows(module: Any) -> None:
    torch.compiler.reset()
    counter = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend=counter)
    for count in (3, 8, 33):
        close(compiled(rows(count)), module(rows(count)))
    assert counter.frame_count == 1


def test_a_compiled_training_step_learns_as_the_eager_one(module: Any) -> None:
    torch.compiler.reset()
    eager, x = copy.deepcopy(module), rows(20)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    losses: list[list[float]] = []
    for step in (eager, compiled):
        solver = torch.optim.SGD(step.parameters(), lr=1e-2)
        losses.append([])
        for _ in range(3):
            solver.zero_grad()
            loss = (step(x) - 1).square().mean()
            loss.backward()
            solver.step()
            losses[-1].append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)
    assert losses[0][2] < losses[0][0]


def test_exports_with_any_number_of_rows_and_survives_a_file(module: Any) -> None:
    program = torch.export.export(module, (rows(5),), dynamic_shapes=({0: torch.export.Dim("rows")},))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    again = torch.export.load(file).module()
    for count in (2, 5, 30):
        close(program.module()(rows(count)), module(rows(count)))
        close(again(rows(count)), module(rows(count)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="inductor needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_inductor_gives_the_same_values_and_gradients(module: Any) -> None:
    torch.compiler.reset()
    compiled, x = torch.compile(module, fullgraph=True), rows(9)
    close(compiled(x), module(x))
    assert_same_gradients(gradients(compiled, x, module.parameters()), gradients(module, x, module.parameters()))


# state and copies


@pytest.mark.parametrize("assign", [False, True])
def test_state_goes_round(module: Any, assign: bool) -> None:
    other, x = shaken(module, 0.5), rows(9)
    assert not torch.equal(other(x), module(x))
    state = {key: value.clone() if isinstance(value, Tensor) else value for key, value in module.state_dict().items()}
    result = other.load_state_dict(state, strict=True, assign=assign)
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    assert torch.equal(other(x), module(x))
    if assign:
        assert all(parameter is not None and parameter.requires_grad for parameter in other.parameters())
    other(x).sum().backward()


@pytest.mark.parametrize("name", ["knots", "mask"])
def test_buffers_changed_in_place_are_seen(module: Any, name: str) -> None:
    """also through `.data`, which torch does not count: what was worked out from them before is out of date."""
    buffers, x = [value for key, value in module.named_buffers() if key.rpartition(".")[2] == name], rows(9)
    before = module(x).detach()
    for buffer in buffers:
        buffer.data.copy_(1.3 * buffer if buffer.is_floating_point() else torch.zeros_like(buffer))
    assert torch.equal(module(x), copy.deepcopy(module)(x))
    assert torch.equal(module(x), before) == isinstance(module, RationalLayer)


def test_state_with_missing_or_unknown_entries_is_refused(module: Any) -> None:
    state = module.state_dict()
    missing = {key: value for key, value in state.items() if not is_curve(key)}
    with pytest.raises(RuntimeError, match="Missing key"):
        module.load_state_dict(missing)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        module.load_state_dict({**state, "more": torch.zeros(1)})


@pytest.mark.parametrize("make", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_after_a_backward_pass_are_equal_and_free(module: Any, make: Callable[[Any], Any]) -> None:
    x = rows(9)
    module(x).sum().backward()
    other = make(module)
    assert torch.equal(other(x), module(x))
    before = module(x)
    for parameter in other.parameters():
        parameter.data.zero_()
    assert torch.equal(module(x), before)
    other(x).sum().backward()


def test_a_network_made_on_the_meta_device_takes_its_state_later(module: Any) -> None:
    with torch.device("meta"):
        empty = KANLayer(3, 4, init="variance", generator=torch.Generator().manual_seed(0))
        network, rational = ew.KAN([2, (3, 2), 1]), RationalLayer(8, 3)
    for each in (empty, network, rational):
        assert all(value.is_meta for value in (*each.parameters(), *each.buffers()))
    assert empty(torch.empty(5, 3, device="meta")).shape == (5, 4)
    hollow = copy.deepcopy(module).to("meta")
    assert hollow(rows(9).to("meta")).is_meta
    filled = hollow.to_empty(device="cpu")
    filled.load_state_dict(module.state_dict())
    assert torch.equal(filled(rows(9)), module(rows(9)))


def test_a_network_made_on_the_meta_device_equals_one_made_here() -> None:
    here = ew.KAN([2, (3, 2), 1], base="silu", seed=3)
    with torch.device("meta"):
        there = ew.KAN([2, (3, 2), 1], base="silu")
    there.to_empty(device="cpu").load_state_dict(here.state_dict())
    assert torch.equal(there(rows(9)), here(rows(9)))


# precision


@pytest.mark.parametrize("dtype", HALVES)
def test_autocast_gives_the_dtype_that_a_linear_layer_gives(module: Any, dtype: torch.dtype) -> None:
    """and computes in float32 within; gradients are float32 like the parameters."""
    single, x = module.float(), rows(9, torch.float32)
    linear = torch.nn.Linear(2, 3)
    exact = single(x)
    with torch.autocast("cpu", dtype=dtype):
        found = single(x)
        assert found.dtype is linear(x).dtype is dtype
        assert single(x.to(dtype)).dtype is dtype
        assert module.double()(x.double()).dtype is linear.double()(x.double()).dtype is torch.float64
    close(found, exact.to(dtype), rtol=0.02, atol=0.02)
    module.float()(x).sum().backward()


@pytest.mark.parametrize("dtype", HALVES)
def test_training_under_autocast_gives_finite_single_precision_gradients(module: Any, dtype: torch.dtype) -> None:
    single, x = module.float(), rows(9, torch.float32)
    exact = gradients(single, x, single.parameters())
    x = x.requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        loss = single(x).float().square().sum()
    loss.backward()
    for found, expected in zip([x, *single.parameters()], exact, strict=True):
        if expected is not None:
            assert found.grad.dtype is torch.float32
            close(found.grad, expected, rtol=0.05, atol=0.05 * float(expected.abs().max()))


def test_autocast_compiles_as_one_graph(module: Any) -> None:
    torch.compiler.reset()
    single, x = module.float(), rows(9, torch.float32)
    compiled = torch.compile(single, fullgraph=True, backend="aot_eager")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(compiled(x), single(x))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 0.02), (torch.bfloat16, 0.1), (torch.float32, 1e-5)])
def test_whole_modules_change_precision(module: Any, dtype: torch.dtype, tolerance: float) -> None:
    exact = module(rows(9)).detach()
    other = copy.deepcopy(module).to(dtype)
    x = rows(9, dtype).requires_grad_()
    y = other(x)
    assert y.dtype is dtype
    assert bool(y.isfinite().all())
    if getattr(module, "grid", 5) == 5:  # finer cells are too fine for half the digits
        close(y.double(), exact, rtol=tolerance, atol=tolerance)
    y.sum().backward()
    for value in (x, *other.parameters()):
        assert value.grad is None or (value.grad.dtype is dtype and bool(value.grad.isfinite().all()))
    assert other.double()(rows(9)).dtype is torch.float64


# repeatability


def test_deterministic_mode_works_and_repeats_to_the_last_bit(module: Any) -> None:
    x = rows(200)
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (gradients(module, x, module.parameters()) for _ in range(2))
        assert torch.equal(module(x), module(x))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(a is None if b is None else torch.equal(a, b) for a, b in zip(first, second, strict=True))


# odd inputs


def test_inputs_of_any_layout_and_shape(module: Any) -> None:
    x = rows(12)
    y = module(x)
    n_out = y.shape[1]
    assert torch.equal(module(x.T.contiguous().T), y)  # columns first
    close(module(torch.cat([x, x + 9], 1)[:, :2]), y)  # a slice of a wider table
    close(module(torch.stack([x, x + 9], 2)[:, :, 0]), y)  # every second number
    close(module(x[:1].expand(6, 2)), y[:1].expand(6, n_out))
    close(module(x.flip(0)), y.flip(0))
    close(module(x[0]), y[0])
    close(module(x.reshape(2, 3, 2, 2)), y.reshape(2, 3, 2, n_out))
    close(module(x.reshape(3, 4, 2).transpose(0, 1)), y.reshape(3, 4, n_out).transpose(0, 1))


@pytest.mark.parametrize("shape", [(0, 2), (3, 0, 2)])
def test_no_rows_give_no_rows_and_zero_gradients(module: Any, shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape, dtype=torch.float64, requires_grad=True)
    y = module(x)
    assert y.shape[:-1] == shape[:-1]
    y.sum().backward()
    assert x.grad.shape == shape
    assert all(p.grad is None or not p.grad.any() for p in module.parameters())


def test_without_gradients(module: Any) -> None:
    x = rows(9)
    expected = module(x).detach()
    with torch.no_grad():
        assert torch.equal(module(x), expected) and not module(x).requires_grad
    with torch.inference_mode():
        assert torch.equal(module(x), expected)
        made = rows(9) * 1.0
        assert torch.equal(module(made), expected)
    with torch.inference_mode():
        inner = copy.deepcopy(module)
        assert torch.equal(inner(x), expected)
    module(x).sum().backward()  # what was worked out in between is no inference tensor


# what torch builds around modules


def test_hooks_run(module: Any) -> None:
    seen: list[str] = []
    module.register_forward_pre_hook(lambda *_: seen.append("before"))
    module.register_forward_hook(lambda *_: seen.append("after"))
    module.register_full_backward_hook(lambda *_: seen.append("backward"))
    coefficients = next(p for name, p in module.named_parameters() if is_curve(name))
    coefficients.register_hook(lambda _: seen.append("parameter"))
    module(rows(3).requires_grad_()).sum().backward()
    assert seen[:2] == ["before", "after"] and set(seen[2:]) == {"backward", "parameter"}


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing(module: Any, reentrant: bool) -> None:
    x = rows(9)

    def run(x: Tensor) -> Tensor:
        return checkpoint(module, x, use_reentrant=reentrant)  # type: ignore[return-value]

    results = []
    for call in (module, run):
        module.zero_grad()
        leaf = x.clone().requires_grad_()
        call(leaf).square().sum().backward()
        results.append([leaf.grad, *[None if p.grad is None else p.grad.clone() for p in module.parameters()]])
    assert_same_gradients(*results)


def test_parametrizations(module: Any) -> None:
    class Halved(torch.nn.Module):
        def forward(self, value: Tensor) -> Tensor:
            return value / 2

    def first(module: Any) -> Any:
        return module.layers[0] if isinstance(module, ew.KAN) else module

    name = "numerator" if isinstance(module, RationalLayer) else "coefficients"
    x, halved = rows(9), copy.deepcopy(module)
    with torch.no_grad():
        getattr(first(halved), name).div_(2)
    parametrize.register_parametrization(first(module), name, Halved())
    close(module(x), halved(x))
    module(x).sum().backward()
    assert first(module).parametrizations[name].original.grad is not None
    parametrize.remove_parametrizations(first(module), name)
    close(module(x), halved(x))


def test_groups_of_parameters_decay_apart(module: Any) -> None:
    decayed = [p for name, p in module.named_parameters() if is_curve(name)]
    rest = [p for name, p in module.named_parameters() if not is_curve(name)]
    before = [p.detach().clone() for p in rest]
    sizes = [float(p.detach().square().sum()) for p in decayed]
    solver = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.5}, {"params": rest, "weight_decay": 0.0}], lr=0.1
    )
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    solver.step()
    assert all(float(p.detach().square().sum()) < size for p, size in zip(decayed, sizes, strict=True))
    assert all(torch.equal(p, old) for p, old in zip(rest, before, strict=True))


@pytest.mark.parametrize("kind", ["foreach", "fused"])
def test_optimisers_that_take_all_parameters_at_once(module: Any, kind: str) -> None:
    solver = torch.optim.Adam(module.parameters(), lr=1e-2, **{kind: True})  # type: ignore[arg-type]
    losses = []
    for _ in range(5):
        solver.zero_grad()
        loss = (module(rows(30)) - 1).square().mean()
        loss.backward()
        solver.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_sits_in_a_sequence_with_other_layers() -> None:
    stack = torch.nn.Sequential(KANLayer(2, 8), torch.nn.LayerNorm(8), torch.nn.SiLU(), KANLayer(8, 1))
    x = rows(16, torch.float32)
    stack(x).square().mean().backward()
    assert all(p.grad is not None for name, p in stack.named_parameters() if "affine" not in name)
    averaged = torch.optim.swa_utils.AveragedModel(stack)
    averaged.update_parameters(stack)
    close(averaged(x), stack(x))
