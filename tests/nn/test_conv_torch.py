"""Convolutions of functions are torch modules like any other: compiled, exported, saved, and in any precision."""

from __future__ import annotations

import copy
import io
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.nn import KANConv1d, KANConv2d, KANConv3d, Rational, RationalConv2d

close = torch.testing.assert_close


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


MAKERS: dict[str, Any] = {
    "bspline": lambda dtype=None: KANConv2d(4, 6, 3, padding=1, groups=2, dtype=dtype, generator=seeded()),
    "rbf": lambda dtype=None: KANConv2d(
        4, 6, 3, stride=2, padding=1, padding_mode="reflect", basis="rbf", bias=True, dtype=dtype, generator=seeded()
    ),
    "chebyshev": lambda dtype=None: KANConv2d(
        4, 6, 3, padding="same", padding_mode="circular", basis="chebyshev", base=None, dtype=dtype, generator=seeded()
    ),
    "fourier": lambda dtype=None: KANConv2d(4, 6, (3, 1), basis="fourier", grid=2, dtype=dtype, generator=seeded()),
    "sequence": lambda dtype=None: KANConv1d(4, 6, 3, padding=1, dtype=dtype, generator=seeded()),
    "volume": lambda dtype=None: KANConv3d(4, 6, 2, grid=2, dtype=dtype, generator=seeded()),
    "rational": lambda dtype=None: RationalConv2d(4, 6, 3, padding=1, dtype=dtype, generator=seeded()),
}
FEW = ["bspline", "rbf", "rational"]


def inputs(module: Any, count: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    return (3 * torch.rand(count, 4, *(7, 6, 5)[: module.dimensions], generator=generator) - 1.5).to(dtype)


def gradients(call: Any, module: Any, x: Tensor) -> list[Tensor]:
    x = x.detach().clone().requires_grad_()
    return list(torch.autograd.grad(call(x).square().sum(), [x, *module.parameters()]))


@pytest.mark.parametrize("name", FEW)
def test_compiles_as_one_graph_with_the_same_values_and_gradients(name: str) -> None:
    torch.compiler.reset()
    module = MAKERS[name](torch.float64)
    compiled, x = torch.compile(module, fullgraph=True, backend="aot_eager"), inputs(module, 3)
    close(compiled(x), module(x))
    close(gradients(compiled, module, x), gradients(module, module, x))


@pytest.mark.parametrize("name", FEW)
def test_exports_with_any_number_of_rows(name: str) -> None:
    module = MAKERS[name](torch.float64)
    program = torch.export.export(module, (inputs(module, 3),), dynamic_shapes=({0: torch.export.Dim("rows")},))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    again = torch.export.load(file).module()
    for count in (2, 9):
        close(again(inputs(module, count)), module(inputs(module, count)))


@pytest.mark.filterwarnings("ignore")  # torch calls both of them old
@pytest.mark.parametrize("name", MAKERS)
def test_traced_and_in_onnxruntime_it_gives_the_same(name: str, tmp_path: Path) -> None:
    module = MAKERS[name]().eval()
    x, more, file = inputs(module, 3).float(), inputs(module, 5).float(), tmp_path / "model.onnx"
    traced: Any = torch.jit.trace(module, x)
    close(traced(more), module(more), atol=3e-6, rtol=1e-5)
    runtime = pytest.importorskip("onnxruntime")
    torch.onnx.export(module, (x,), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "rows"}})
    (found,) = runtime.InferenceSession(file).run(None, {"x": more.numpy()})
    close(torch.from_numpy(found), module(more).detach(), atol=3e-6, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")  # of torch's exporter and of onnxscript
@pytest.mark.parametrize("name", MAKERS)
def test_the_other_onnx_exporter_gives_the_same(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    module, file = MAKERS[name]().eval(), tmp_path / "model.onnx"
    x, more = inputs(module, 3).float(), inputs(module, 5).float()
    rows = ({0: torch.export.Dim("rows")},)
    torch.onnx.export(module, (x,), file, dynamo=True, verbose=False, input_names=["x"], dynamic_shapes=rows)
    (found,) = runtime.InferenceSession(file).run(None, {"x": more.numpy()})
    close(torch.from_numpy(found), module(more).detach(), atol=3e-6, rtol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_state_dicts_copies_pickles_and_safetensors(name: str, tmp_path: Path) -> None:
    from safetensors.torch import load_model, save_model

    module = MAKERS[name]()
    x = inputs(module, 2).float()
    assert all(isinstance(value, Tensor) for value in module.state_dict().values())
    other = MAKERS[name]()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    other.load_state_dict(module.state_dict())
    file = tmp_path / "conv.safetensors"
    save_model(module, str(file))
    third = MAKERS[name]()
    load_model(third, str(file))
    for same in (other, third, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(same(x), module(x))


def test_a_state_of_another_basis_is_refused() -> None:
    saved = KANConv2d(2, 2, 1, basis="chebyshev", grid=7).state_dict()
    with pytest.raises(ew.InputError, match="has basis 'chebyshev', this one 'fourier'"):
        KANConv2d(2, 2, 1, basis="fourier", grid=3).load_state_dict(saved)


@pytest.mark.parametrize("name", MAKERS)
def test_the_meta_device(name: str) -> None:
    module = MAKERS[name]()
    with torch.device("meta"):
        hollow = MAKERS[name]()
    x = inputs(module, 2).float()
    assert hollow(x.to("meta")).shape == module(x).shape
    hollow.to_empty(device="cpu").load_state_dict(module.state_dict())
    assert torch.equal(hollow(x), module(x))


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("given", [torch.float32, torch.float64, torch.bfloat16, torch.int64])
def test_inputs_of_any_real_type_and_autocast(name: str, given: torch.dtype) -> None:
    module, double = MAKERS[name](), MAKERS[name](torch.float64)
    x = inputs(module, 2).to(given)
    assert torch.equal(module(x), module(x.float()))
    assert module(x).dtype is torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = module(x)
        assert double(x).dtype is torch.float64
    assert found.dtype is torch.bfloat16
    assert torch.equal(found, module(x).bfloat16())


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_a_convolution_in_half_precision_computes_in_single(name: str, half: torch.dtype) -> None:
    module = MAKERS[name]().to(half)
    x = inputs(module, 2).to(half)
    y = module(x)
    assert y.dtype is half
    exact = copy.deepcopy(module).double()(x.double()).detach()
    error = (y.double() - exact).detach().abs().max()
    assert float(error) < 3 * torch.finfo(half).eps * float(exact.abs().max())


@pytest.mark.parametrize("name", FEW)
def test_maps_over_inputs_and_over_stacked_parameters(name: str) -> None:
    module = MAKERS[name](torch.float64)
    x = inputs(module, 3)
    close(torch.func.vmap(module)(x), module(x))
    members = [MAKERS[name](torch.float64) for _ in range(2)]
    with torch.no_grad():
        members[1].bias.add_(1) if members[1].bias is not None else members[1].coefficients.mul_(2)
    parameters, buffers = torch.func.stack_module_state(members)  # type: ignore[arg-type]
    found = torch.func.vmap(lambda p, b: torch.func.functional_call(module, (p, b), (x,)))(parameters, buffers)
    close(found, torch.stack([member(x) for member in members]))


@pytest.mark.filterwarnings("ignore")  # torch calls its exporter old
@pytest.mark.parametrize("dim", [1, -3])
def test_an_activation_of_image_channels_lies_as_its_input_and_exports(dim: int, tmp_path: Path) -> None:
    activation, x = Rational(2, dim=dim), torch.rand(2, 4, 3, 5, generator=seeded())
    y = activation(x)
    close(y, Rational(2)(x.movedim(1, -1)).movedim(-1, 1))
    assert y.is_contiguous()
    last = x.to(memory_format=torch.channels_last)
    assert activation(last).is_contiguous(memory_format=torch.channels_last)
    close(activation(last), y)
    runtime, file = pytest.importorskip("onnxruntime"), tmp_path / "model.onnx"
    torch.onnx.export(activation, (x,), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "rows"}})
    more = torch.rand(5, 4, 3, 5, generator=seeded())
    (found,) = runtime.InferenceSession(file).run(None, {"x": more.numpy()})
    close(torch.from_numpy(found), activation(more).detach(), atol=3e-6, rtol=1e-5)


def network(kind: str) -> torch.nn.Module:
    convs: dict[str, Any] = {"plain": torch.nn.Conv2d, "kan": KANConv2d, "rational": RationalConv2d}
    conv = convs[kind]
    return torch.nn.Sequential(
        conv(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.MaxPool2d(2), conv(4, 4, 3),
        torch.nn.Flatten(), torch.nn.Linear(16, 3),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["kan", "rational"])
def test_a_network_learns_and_every_parameter_has_a_gradient(kind: str) -> None:
    torch.manual_seed(0)
    model, x = network(kind), torch.randn(30, 1, 8, 8, generator=seeded())
    y = (x[:, 0, 2:6, 2:6].mean((1, 2)) > 0).long()
    solver, losses = torch.optim.Adam(model.parameters(), lr=1e-2), []
    for _ in range(30):
        solver.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        assert all(p.grad is not None and bool(p.grad.any()) for p in model.parameters())
        solver.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


LOGGER = logging.getLogger("edgewise.nn")


@pytest.mark.parametrize("settings", [{}, {"kind": "spline"}, {"kind": "spline", "basis": "rbf", "grid": 2}])
def test_an_exchanged_model_gives_the_same_before_training(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    model = network("plain").eval()
    x = 3 * torch.randn(5, 1, 8, 8, generator=seeded())
    before = copy.deepcopy(model.state_dict())
    with caplog.at_level(logging.INFO, "edgewise.nn"):
        new = ew.nn.replace_convs(model, **settings)
    close(new(x), model(x), rtol=1e-5, atol=1e-5)
    assert not any(isinstance(part, torch.nn.Conv2d) for part in new.modules())
    assert not new[0].training and new[0].padding == (1, 1)  # type: ignore[index]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["0", "4"]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    new(x).square().sum().backward()
    assert all(p.grad is not None for p in new.parameters())


def test_convolutions_are_chosen_by_name_or_by_a_function() -> None:
    model = network("plain")
    kinds = [type(part).__name__ for part in ew.nn.replace_convs(model, which=["4"])]  # type: ignore[attr-defined]
    assert (kinds[0], kinds[4]) == ("Conv2d", "RationalConv2d")
    new: Any = ew.nn.replace_convs(model, kind="spline", base="silu", which=lambda name, conv: conv.in_channels == 1)
    assert [type(new[k]).__name__ for k in (0, 4)] == ["KANConv2d", "Conv2d"]
    assert not torch.equal(new[0].base_weight, model[0].weight)  # type: ignore[index]


def test_frozen_shared_and_hooked_convolutions(caplog: pytest.LogCaptureFixture) -> None:
    shared = torch.nn.Conv1d(2, 2, 3, padding=1, dtype=torch.float64).requires_grad_(False)
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(2, 2, 1, dtype=torch.float64))
    hooked = torch.nn.Conv1d(2, 2, 1, dtype=torch.float64)
    hooked.register_forward_hook(lambda *_: None)
    with caplog.at_level(logging.INFO, "edgewise.nn"):
        new: Any = ew.nn.replace_convs(torch.nn.Sequential(shared, normed, hooked, shared))
    assert new[0] is new[3] and new[0].dtype is torch.float64
    assert not new[0].weight.requires_grad and not new[0].bias.requires_grad
    assert new[0].activation.numerator.requires_grad
    assert isinstance(new[2], torch.nn.Conv1d) and isinstance(new[1], torch.nn.Conv1d)
    assert any("2: " in record.getMessage() and "hooks" in record.getMessage() for record in caplog.records)
    alone = ew.nn.replace_convs(torch.nn.Conv3d(1, 1, 2))
    assert type(alone).__name__ == "RationalConv3d"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: ew.nn.replace_convs(torch.nn.Linear(2, 2)), "No torch.nn.Conv1d"),
        (lambda model: ew.nn.replace_convs(model, which=lambda name, conv: False), "left by 'which'"),
        (lambda model: ew.nn.replace_convs(model, which=["conv"]), "Unknown convolution 'conv'. Known: 0, 4."),
        (lambda model: ew.nn.replace_convs(model, which="0"), "must be a list of names"),
        (lambda model: ew.nn.replace_convs(model, kind="kan"), "Unknown kind of convolution"),
        (lambda model: ew.nn.replace_convs("model"), "takes a torch module"),
    ],
)
def test_exchanges_that_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ew.InputError, match=message):
        call(network("plain"))
