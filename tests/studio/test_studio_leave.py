"""Leaving the studio: every export, what keeps one from being made, files in the folder, and a script that runs."""

from __future__ import annotations

import base64
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from steering import begin

import edgewise as ew
from edgewise.session import Session
from edgewise.studio import Desk

LAW = "exp(a)/b + sin(2*b)"
OF_FORMULAS = {"latex", "sympy", "torch", "excel"}


def desk_of(folder: Path, session: Session) -> Desk:
    desk = Desk(folder, session)
    desk.file = desk.folder / "law.session"
    session.save(desk.file)
    return desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """At the exact network of a law, over a variable."""
    return desk_of(tmp_path, begin(units={"a": "", "b": ""}).add_variable("r", "exp(a)/b").use_formula("r + sin(2*b)"))


def data(answer: dict[str, Any]) -> bytes:
    return base64.b64decode(answer["base64"])


def test_formulas_can_be_copied_in_every_language(desk: Desk) -> None:
    made = {what: desk.ask("export", {"what": what}) for what in ("latex", "sympy", "numpy", "c", "excel", "torch")}
    assert {what: one["name"] for what, one in made.items()} == {
        "latex": "law.tex", "sympy": "law_sympy.py", "numpy": "law_numpy.py", "c": "law.c", "excel": "law_excel.txt",
        "torch": "law_torch.py",
    }  # fmt: skip
    assert made["latex"]["text"].startswith("y = ") and r"\sin\left(2 b\right)" in made["latex"]["text"]
    assert made["excel"]["text"] == "=SIN(2*B2) + EXP(A2)/B2\n"
    x = desk.session.table.x.numpy()
    space: dict[str, Any] = {}
    exec(made["numpy"]["text"], space)  # noqa: S102 (our own export)
    np.testing.assert_allclose(space["f"](x[:, 0], x[:, 1]), desk.session.table.y[:, 0].numpy(), rtol=1e-12)
    exec(made["sympy"]["text"], space)  # noqa: S102
    assert space["y"] == desk.session.formula()
    exec(made["torch"]["text"], space)  # noqa: S102
    torch.testing.assert_close(space["Formula"]()(desk.session.table.x[:, :2]), desk.session.table.y)


def test_with_splines_formulas_say_what_to_do_and_functions_are_tables(tmp_path: Path) -> None:
    desk = desk_of(tmp_path, begin((2, 1)).add_variable("r", "exp(a)/b").refit(5))
    items = {item["what"]: item for item in desk.ask("exports", {})["items"]}
    assert {what for what, item in items.items() if item["problem"]} == OF_FORMULAS
    assert items["latex"]["problem"].startswith("3 edges are splines: snap all edges first.")
    with pytest.raises(ew.InputError, match="3 edges are splines"):
        desk.ask("export", {"what": "excel"})
    text = desk.ask("export", {"what": "numpy"})["text"]
    assert text.startswith("# The input r is exp(a)/b.\n")
    space: dict[str, Any] = {}
    exec(text, space)  # noqa: S102 (our own export)
    with torch.no_grad():
        expected = desk.session.model(desk.session.table.x)[:, 0].numpy()
    np.testing.assert_allclose(space["f"](*desk.session.table.x.numpy().T), expected, rtol=1e-9)
    assert desk.ask("export", {"what": "c"})["text"].startswith("// The input r is")


def test_networks_sessions_and_pictures_are_files(desk: Desk, tmp_path: Path) -> None:
    made = {what: desk.ask("export", {"what": what}) for what in ("model", "session", "svg", "png", "report")}
    (tmp_path / "m").write_bytes(data(made["model"]))
    saved = ew.io.load_with_metadata(tmp_path / "m")
    assert saved.names == ["a", "b", "r"] and saved.target == "y"
    (tmp_path / "s").write_bytes(data(made["session"]))
    assert Session.load(tmp_path / "s").log() == desk.session.log()
    assert data(made["svg"]).startswith(b"<?xml") and data(made["png"]).startswith(b"\x89PNG")
    page = data(made["report"]).decode()
    for said in ("A formula for y", "Took the formula", "r is computed from other columns", "Every edge"):
        assert said in page
    assert made["report"]["media"] == "text/html" and "<script" not in page


def test_a_network_leaves_as_onnx(desk: Desk) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    run = onnxruntime.InferenceSession(data(desk.ask("export", {"what": "onnx"})))
    (found,) = run.run(None, {"x": desk.session.table.x.numpy()})
    np.testing.assert_allclose(found, desk.session.table.y.numpy(), rtol=1e-9)


def run_of(script: Path, elsewhere: Path) -> str:
    """What a fresh process, elsewhere, finds at the end of a script."""
    code = f"import runpy; space = runpy.run_path({str(script)!r}); print(space['session'].formula())"
    done = subprocess.run([sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_script_runs_wherever_it_is_unpacked(desk: Desk, tmp_path: Path) -> None:
    made = desk.ask("export", {"what": "script"})
    assert made["name"] == "law_script.zip" and "session.use_formula(" in made["text"]
    with zipfile.ZipFile(BytesIO(data(made))) as archive:
        assert sorted(archive.namelist()) == ["law.py", "law.rows.safetensors", "law.safetensors"]
        archive.extractall(tmp_path / "there")
    assert run_of(tmp_path / "there" / "law.py", tmp_path) == str(desk.session.formula())


@pytest.mark.slow
def test_the_script_of_a_shipped_table_finds_the_table(tmp_path: Path) -> None:
    place = ew.datasets.path("orbits")
    table = ew.io.read_table(place)
    names, target = ["semi_major_axis_km", "primary_mass_kg"], "period_days"
    session = Session(ew.KAN([2, 1]), table.inputs(names), table.inputs([target]), names, target=target)
    desk = desk_of(tmp_path, session.use_formula("1e-4*semi_major_axis_km^(3/2)"))
    desk.drawers["start"] = {"table": place}
    made = desk.ask("export", {"what": "script"})
    assert "ew.datasets.path('orbits')" in made["text"]
    with zipfile.ZipFile(BytesIO(data(made))) as archive:
        assert sorted(archive.namelist()) == ["law.py", "law.safetensors"]
    assert desk.ask("write", {"what": "script"})["files"] == ["law.py", "law.safetensors"]
    assert run_of(tmp_path / "law.py", tmp_path.parent) == str(desk.session.formula())
    desk.drawers["start"] = {"table": tmp_path / "gone.csv"}
    assert desk.ask("write", {"what": "script", "name": "b.py"})["files"][-1] == "b.rows.safetensors"


def test_files_are_written_into_the_folder_and_over_no_others(desk: Desk, tmp_path: Path) -> None:
    assert desk.ask("write", {"what": "latex"}) == {"files": ["law.tex"], "folder": tmp_path.name}
    assert (tmp_path / "law.tex").read_text().startswith("y = ")
    with pytest.raises(ew.InputError, match=r"a file law\.tex already: choose another name, or replace it"):
        desk.ask("write", {"what": "latex"})
    assert desk.ask("write", {"what": "latex", "replace": True})["files"] == ["law.tex"]
    with pytest.raises(ew.InputError, match="holds this session"):
        desk.ask("write", {"what": "session", "replace": True})
    desk.ask("write", {"what": "session", "name": "copy.session"})
    (tmp_path / "link.tex").symlink_to(tmp_path.parent / "outside.tex")
    for name, message in [
        ("../law2.tex", "without its folder"), (".law.tex", "hidden"), ("law.csv", "must end in"),
        ("link.tex", "is a link"), ("a\nb.tex", "control characters"), (7, "named by a text"),
    ]:  # fmt: skip
        with pytest.raises(ew.InputError, match=message):
            desk.ask("write", {"what": "latex", "name": name, "replace": True})
    (tmp_path / "s.safetensors").write_text("mine")
    with pytest.raises(ew.InputError, match=r"a file s\.safetensors already"):
        desk.ask("write", {"what": "script", "name": "s.py"})
    assert (tmp_path / "s.safetensors").read_text() == "mine" and not (tmp_path / "s.py").exists()
    with pytest.raises(ew.InputError, match="Unknown export 'pickle'"):
        desk.ask("export", {"what": "pickle"})
    with pytest.raises(ew.InputError, match="only shows"):
        Desk(tmp_path, desk.session, read_only=True).ask("write", {"what": "latex"})


def test_a_network_of_several_targets_leaves_too(tmp_path: Path) -> None:
    x = torch.rand(30, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    session = Session(ew.KAN([2, 2], grid=3), x, x.flip(1), ["a (m)", "b"], target=["p", "q"])
    session = session.prune_edge((0, 0, 0)).prune_edge((0, 1, 1))
    session = session.set_function((0, 0, 1), "x", (1, 0, 1, 0)).set_function((0, 1, 0), "x", (1, 0, 1, 0))
    desk = desk_of(tmp_path, session)
    for item in desk.ask("exports", {})["items"]:
        if item["what"] not in ("onnx", "png"):
            desk.ask("export", {"what": item["what"]})
    assert desk.ask("export", {"what": "sympy"})["text"].endswith(
        "p = sympy.sympify('b', names)\nq = sympy.sympify('a_m', names)\n"
    )
