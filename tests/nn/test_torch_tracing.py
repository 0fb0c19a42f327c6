"""Layers under torch.jit.trace and torch.onnx.export, which know sizes as traced values only."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch

import edgewise as ew

pytestmark = pytest.mark.filterwarnings("ignore")  # torch calls both of them old
BASES = ["bspline", "linear", "rbf", "chebyshev", "fourier"]


def modules() -> list[tuple[str, torch.nn.Module]]:
    layers = [(basis, ew.nn.KANLayer(4, 2, basis=basis)) for basis in BASES]  # type: ignore[arg-type]
    formula = ew.nn.set_function(ew.KAN([4, 3, (1, 1)], seed=0), 0, 1, 2, "sin", (2.0, 0.1, 0.5, 0.0)).float()
    coarse = ew.nn.KANLayer(4, 2, degree=1, grid=3, base=None)
    rational = ew.nn.RationalLayer(4, 2, groups=2)
    return [*layers, ("coarse", coarse), ("network", formula), ("rational", rational)]


@pytest.mark.parametrize(("name", "module"), modules())
def test_a_traced_module_gives_the_same_for_other_rows(name: str, module: torch.nn.Module) -> None:
    """Traced sizes once reached a compiled kernel as addresses, and ended the process."""
    traced: Any = torch.jit.trace(module, torch.rand(5, 4))
    x = 3 * torch.rand(11, 4) - 1.5
    assert torch.allclose(traced(x), module(x), atol=2e-6)
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer)
    again = torch.jit.load(io.BytesIO(buffer.getvalue()))
    assert torch.allclose(again(x), module(x), atol=2e-6)


@pytest.mark.parametrize(("name", "module"), modules())
def test_onnxruntime_gives_the_same_as_torch(name: str, module: torch.nn.Module, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    file = tmp_path / "model.onnx"
    torch.onnx.export(
        module.eval(), (torch.rand(5, 4),), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "rows"}}
    )
    x = 3 * torch.rand(11, 4) - 1.5
    (found,) = runtime.InferenceSession(file).run(None, {"x": x.numpy()})
    assert torch.allclose(torch.from_numpy(found), module(x).detach(), atol=3e-6)
