"""Exported programs that keep the kernels: their contents, values, derivatives and files, and other processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from citizens import SUBJECTS, assert_same_gradients, close, gradients, rows
from torch.autograd import gradcheck, gradgradcheck

import edgewise as ew

ROWS = ({0: torch.export.Dim("rows")},)


@pytest.fixture(params=SUBJECTS)
def module(request: pytest.FixtureRequest) -> Any:
    return SUBJECTS[request.param]()


def kernels(program: torch.export.ExportedProgram) -> list[str]:
    graphs = [part.graph for part in program.graph_module.modules() if isinstance(part, torch.fx.GraphModule)]
    targets = [str(node.target) for graph in graphs for node in graph.nodes]
    return [target.split(".")[1] for target in targets if target.startswith("edgewise.")]


def kept(module: torch.nn.Module, count: int = 9, strict: bool = False) -> torch.export.ExportedProgram:
    with ew.kernels.kept():
        return torch.export.export(module, (rows(count),), dynamic_shapes=ROWS, strict=strict)


def test_a_program_keeps_the_kernels_if_asked(module: Any) -> None:
    assert kernels(kept(module))
    assert not kernels(torch.export.export(module, (rows(9),)))


@pytest.mark.parametrize("name", ["layer", "rational layer", "mixed network"])
def test_a_strict_program_too(name: str) -> None:
    """Dynamo traces these, as for torch.compile."""
    module = SUBJECTS[name]()
    assert kernels(kept(module, strict=True)) == kernels(kept(module)) != []
    assert not kernels(torch.export.export(module, (rows(9),), strict=True))


def test_it_gives_the_same_values_and_gradients(module: Any) -> None:
    program = kept(module).module()
    for count in (2, 9, 30):
        close(program(rows(count)), module(rows(count)))
    x, names = rows(9), [name for name, _ in module.named_parameters()]
    trained = dict(program.named_parameters())
    assert_same_gradients(
        gradients(program, x, [trained[name] for name in names]), gradients(module, x, module.parameters())
    )
    twice = torch.autograd.functional.hessian
    close(twice(lambda part: program(part).sum(), x), twice(lambda part: module(part).sum(), x))
    close(torch.func.vmap(program)(torch.stack([x, x / 2])), torch.stack([module(x), module(x / 2)]))


def test_it_survives_a_file(module: Any, tmp_path: Path) -> None:
    program = kept(module)
    torch.export.save(program, tmp_path / "program.pt2")
    again = torch.export.load(tmp_path / "program.pt2")
    assert kernels(again) == kernels(program)
    close(again.module()(rows(5)), module(rows(5)))


@pytest.mark.parametrize("name", ["layer", "rational layer", "mixed network"])
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # of torch, which copies its own
def test_a_decomposed_program_keeps_them_too(name: str) -> None:
    module = SUBJECTS[name]()
    program = kept(module)
    again = program.run_decompositions()
    assert kernels(again) == kernels(program)
    close(again.module()(rows(9)), module(rows(9)))


def test_networks_of_many_parts() -> None:
    """Frozen networks, feed-forward blocks, convolutions, and one layer inside a model of other layers."""
    parts = {
        "affine": (ew.nn.frozen(ew.KAN([2, 3, 1], base="silu")), rows(9)),
        "rational": (ew.nn.KANFeedForward(8), torch.rand(2, 5, 8)),
        "evaluate": (ew.nn.KANConv2d(1, 2, 3), torch.rand(2, 1, 6, 6)),
        "form": (torch.nn.Sequential(torch.nn.Linear(4, 3), ew.nn.KANLayer(3, 2, base=None)), torch.rand(5, 4)),
    }
    for operator, (part, x) in parts.items():
        with ew.kernels.kept():
            program = torch.export.export(part.eval(), (x,))
        assert operator in kernels(program), operator
        close(program.module()(x), part(x))


def test_only_inside_the_with_block_also_after_an_error() -> None:
    layer = ew.nn.KANLayer(2, 3, dtype=torch.float64)
    with pytest.raises(ZeroDivisionError), ew.kernels.kept(), ew.kernels.kept():
        raise ZeroDivisionError
    assert not kernels(torch.export.export(layer, (rows(9),)))


def test_a_compiled_layer_keeps_rational_functions_as_plain_torch() -> None:
    """Inductor fuses them, which is faster than a kernel."""
    seen: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        seen.extend(str(node.target) for node in graph.graph.nodes)
        return graph

    torch.compiler.reset()
    torch.compile(ew.nn.Rational(2), backend=backend, fullgraph=True)(torch.rand(3, 4))
    assert seen and not any("edgewise" in target for target in seen)


def rational_cases() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    generator = torch.Generator().manual_seed(0)
    x, a, b, g = (
        torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in ((5, 4), (2, 4), (2, 3), (5, 4))
    )
    ops = torch.ops.edgewise
    return {"rational": (ops.rational, (x, a, b)), "rational_vjp": (ops.rational_vjp, (x, a, b, g))}


@pytest.mark.parametrize("name", ["rational", "rational_vjp"])
def test_rational_operators_are_what_torch_asks_of_operators(name: str) -> None:
    assert ew.kernels.rational is not None  # registers them
    operator, arguments = rational_cases()[name]
    torch.library.opcheck(operator.default, arguments)
    assert gradcheck(operator, arguments)
    assert gradgradcheck(operator, arguments)
    batches = [torch.stack([part, part * 0.5]).detach() for part in arguments]
    found, one = torch.func.vmap(operator)(*batches), operator(*(part[1] for part in batches))
    close(found[1] if isinstance(one, torch.Tensor) else [part[1] for part in found],
          one if isinstance(one, torch.Tensor) else list(one))  # fmt: skip


def python(code: str, folder: Path) -> str:
    """Run code in another process in a folder; return what it printed."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_kernels_it_says_so(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["numba"] = None
import edgewise as ew
try:
    with ew.kernels.kept():
        print("kept")
except ew.InputError as error:
    print(error)
"""
    assert python(code, tmp_path).startswith("Programs cannot keep the kernels: numba is not installed.")


RUN = """
import os, torch

def from_program():
    return torch.export.load("program.pt2").module()

def from_package():
    return torch._inductor.aoti_load_package("package.pt2")

ways = (from_program, from_package)[: 1 + os.path.exists("package.pt2")]
for load in ways:
    try:
        load()
    except RuntimeError as error:
        print(str(error).strip())
import edgewise.kernels
x, y = torch.load("rows.pt")
for load in ways:
    program = load()
    with torch.no_grad():
        print([bool(torch.allclose(program(part), value)) for part, value in zip(x, y)])
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program, with its package by AOTInductor if there is a C++ compiler, and with rows."""
    folder = tmp_path_factory.mktemp("programs")
    model = torch.nn.Sequential(ew.nn.KANLayer(2, 3), ew.nn.Rational(1), ew.nn.KANLayer(3, 1, basis="rbf", base=None))
    x = [rows(count, torch.float32) for count in (1, 9, 30)]
    with torch.no_grad():
        torch.save((x, [model(part) for part in x]), folder / "rows.pt")
        with ew.kernels.kept():
            program = torch.export.export(model, (x[1],), dynamic_shapes=ROWS)
    assert kernels(program) == ["affine", "rational", "form"]
    torch.export.save(program, folder / "program.pt2")
    if shutil.which("c++") is not None and os.environ.get("ATEN_CPU_CAPABILITY") != "default":
        torch._inductor.aoti_compile_and_package(program, package_path=str(folder / "package.pt2"))
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch's compiler
def test_another_process_runs_them_once_the_operators_are_registered(programs: Path) -> None:
    """Before, torch says what is missing, of a program in a warning."""
    said = python(RUN, programs).splitlines()
    count = 1 + (programs / "package.pt2").exists()
    assert said[0].startswith("We ran into an error when deserializing")
    assert said[1:count] == ["Could not find schema for edgewise::affine."] * (count - 1)
    assert said[count:] == ["[True, True, True]"] * count
