"""Networks to files and back: to the last bit, or one line that says why not."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from safetensors import safe_open

import edgewise as ew
from edgewise.io import load_with_metadata

NETWORKS: list[tuple[list[Any], dict[str, Any]]] = [
    ([1, 1], {}),
    ([2, 5, 1], {"base": "silu"}),
    ([3, (2, 1), (1, [3]), 2], {"base": "identity", "degree": 5, "grid": 1}),
    ([2, (0, [2, 4, 3]), 3], {"degree": 1, "dtype": torch.float32}),
    ([2, (0, 1), 1], {"degree": 2, "domain": (0, 1e9)}),
]


def rows(n: int, d: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.5


@pytest.mark.parametrize(("widths", "arguments"), NETWORKS)
@pytest.mark.parametrize("symbolic", [0.0, 0.5, 1.0])
def test_a_loaded_network_is_the_saved_one_to_the_last_bit(
    widths, arguments, symbolic, mixed_network, tmp_path
) -> None:
    model = mixed_network(widths, symbolic=symbolic, **arguments)
    ew.save(model, tmp_path / "m.safetensors")
    again = ew.load(tmp_path / "m.safetensors")
    x = rows(50, model.n_in)
    assert torch.equal(again(x), model(x))
    assert again.widths == model.widths
    for old, new in zip(model.layers, again.layers, strict=True):
        assert (new.degree, new.base, new.dtype, new.grid) == (old.degree, old.base, old.dtype, old.grid)
        assert list(new.symbols.items()) == list(old.symbols.items())
        for name, value in [*old.named_parameters(), *old.named_buffers()]:
            assert torch.equal(getattr(new, name), value), name
        assert {n for n, p in new.named_parameters() if p.requires_grad} == {n for n, _ in old.named_parameters()}


def test_grids_may_differ_between_layers(tmp_path) -> None:
    model = ew.KAN([2, 2, 1])
    other = ew.nn.refine_grid(model, 3)
    model.layers[1] = other.layers[1]
    ew.save(model, tmp_path / "m")
    assert [layer.grid for layer in ew.load(tmp_path / "m").layers] == [5, 15]


def test_a_loaded_network_trains_on_like_the_saved_one(tmp_path) -> None:
    x = rows(100, 2)
    y = torch.sin(x[:, 0]) * x[:, 1]
    model = ew.fit(ew.KAN([2, 2, 1]), x, y, grids=[3], options=ew.Options(restarts=1)).model
    ew.save(model, tmp_path / "m")
    results = [
        ew.fit(m, x, y, grids=[6], options=ew.Options(restarts=1)).model for m in (model, ew.load(tmp_path / "m"))
    ]
    assert torch.equal(results[0](x), results[1](x))


def test_names_target_version_and_formula_come_back(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    model = ew.KAN([2, 1])
    ew.save(model, path)
    saved = load_with_metadata(path)
    assert (saved.names, saved.target, saved.formula) == (None, None, None)
    for i, name in enumerate(["sin", "x^2/3"]):
        model = ew.nn.set_function(model, 0, 0, i, name)
    ew.save(model, path, names=("größe", "t [s]"), target='Δ \n"x"')
    saved = load_with_metadata(path)
    assert saved.names == ["größe", "t [s]"]
    assert saved.target == 'Δ \n"x"'
    assert saved.version == ew.__version__
    first, second = sympy.Symbol("größe"), sympy.Symbol("t [s]")
    assert saved.formula == sympy.sin(first) + second ** sympy.Rational(2, 3)


def test_units_and_formulas_come_back(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    model = ew.nn.set_function(ew.KAN([2, 2]), 0, 0, 0, "sin", (2.0, 0.0, 1.0, 0.0))
    ew.save(model, path, names=["a", "b"], target=["u", "v"], units={"a": "rad", "v": "m/s²"})
    saved = load_with_metadata(path)
    assert (saved.units, saved.target, saved.formula_texts) == ({"a": "rad", "v": "m/s²"}, ["u", "v"], None)
    for j, i, name in ((0, 1, "exp"), (1, 0, "x"), (1, 1, "x^2")):
        model = ew.nn.set_function(model, 0, j, i, name)
    ew.save(model, path, names=["a", "b"], units={})
    saved = load_with_metadata(path)
    assert (saved.units, saved.target) == ({}, None)
    assert saved.formula_texts == ["exp(b) + sin(2*a)", "a + b**2"]


def test_a_formula_too_long_to_read_is_not_written(tmp_path) -> None:
    model = ew.KAN([4, 8, 8, 8, 1])
    for number, layer in enumerate(model.layers):
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                model = ew.nn.set_function(model, number, j, i, "tanh")
    ew.save(model, tmp_path / "m")
    assert load_with_metadata(tmp_path / "m").formula_texts is None


def test_the_file_is_plain_safetensors(tmp_path) -> None:
    from safetensors.numpy import load_file

    model = ew.KAN([2, 1])
    ew.save(model, tmp_path / "m")
    tensors = load_file(tmp_path / "m")
    assert {name.rpartition(".")[2] for name in tensors} == {
        "coefficients", "base_weight", "affine", "knots", "mask", "affine_free"
    }  # fmt: skip
    np.testing.assert_array_equal(tensors["layers.0.coefficients"], model.layers[0].coefficients.detach().numpy())
    with safe_open(tmp_path / "m", "numpy") as file:
        description = json.loads(file.metadata()["edgewise"])
    assert len(description.pop("checksum")) == 64
    assert description == {
        "schema": 6, "version": ew.__version__, "widths": [2, 1], "basis": "bspline", "degree": 3, "base": None,
        "dtype": "float64", "symbols": [[]], "names": None, "target": None, "units": None, "formulas": None,
        "rules": None, "decimals": None, "inputs": None, "classes": None,
    }  # fmt: skip


def test_the_same_network_gives_the_same_bytes(tmp_path, mixed_network) -> None:
    for name in ("a", "b"):
        ew.save(mixed_network([2, (2, 1), 1]), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_saving_and_loading_change_nothing_else(tmp_path, monkeypatch, quiet) -> None:
    monkeypatch.chdir(tmp_path)
    model = ew.KAN([2, 3, 1])
    before = {name: value.clone() for name, value in model.named_parameters()}
    ew.save(model, "m")
    ew.load("m")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    for name, value in model.named_parameters():
        assert torch.equal(value, before[name])
    assert stat.S_IMODE(Path("m").stat().st_mode) == 0o666 & ~current_umask()


def current_umask() -> int:
    import os

    mask = os.umask(0)
    os.umask(mask)
    return mask


# what cannot be saved


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a", "a"], ["a", ""], ["a", 1], "ab", 3], ids=repr)
def test_names_must_match_the_inputs(names: Any, empty_folder) -> None:
    with pytest.raises(ew.InputError, match="'names' must be 2 different texts"):
        ew.save(ew.KAN([2, 1]), "m", names=names)


@pytest.mark.parametrize(
    "units", ["kg", ["kg"], {"c": "m"}, {"a": 3}, {"a": ""}, {"a": "m\nn"}, {"a": "m" * 101}], ids=repr
)
def test_units_must_match_the_names(units: Any, empty_folder) -> None:
    with pytest.raises(ew.InputError, match=r"'units' must map some of the names \['a', 'b', 'y'\]"):
        ew.save(ew.KAN([2, 1]), "m", names=["a", "b"], target="y", units=units)


def test_a_target_must_be_a_text_and_a_network_a_network(empty_folder) -> None:
    with pytest.raises(ew.InputError, match="'target'"):
        ew.save(ew.KAN([2, 1]), "m", target=3)
    with pytest.raises(ew.InputError, match="'target' must be a text, or 2 different ones"):
        ew.save(ew.KAN([2, 2]), "m", target=["u"])
    with pytest.raises(ew.InputError, match="network first"):
        ew.save("m", ew.KAN([2, 1]))
    with pytest.raises(ew.InputError, match="float16"):
        ew.save(ew.KAN([2, 1]).half(), "m")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["coefficients", "base_weight", "affine", "knots"])
def test_values_that_are_no_numbers_are_not_saved(name: str, value: float, empty_folder) -> None:
    model = ew.KAN([2, 1])
    with torch.no_grad():
        getattr(model.layers[0], name).view(-1)[1] = value
    with pytest.raises(ew.InputError, match=rf"cannot be saved.*layers\.0\.{name}.*finite"):
        ew.save(model, "m")


def test_places_that_cannot_be_written(tmp_path, monkeypatch) -> None:
    model = ew.KAN([1, 1])
    with pytest.raises(ew.InputError, match="no folder"):
        ew.save(model, tmp_path / "no" / "m")
    with pytest.raises(ew.InputError, match="is a folder"):
        ew.save(model, tmp_path)
    (tmp_path / "file").write_text("text")
    with pytest.raises(ew.InputError, match="no folder"):
        ew.save(model, tmp_path / "file" / "m")
    with pytest.raises(ew.InputError, match="Cannot write"):
        ew.save(model, tmp_path / ("m" * 300))
    with pytest.raises(ew.InputError, match="Cannot write"):
        ew.save(model, "/proc/m")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_while_writing_leaves_the_old_file(error: BaseException, tmp_path, monkeypatch) -> None:
    path = tmp_path / "m"
    ew.save(ew.KAN([1, 1]), path)
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ew.InputError if isinstance(error, OSError) else KeyboardInterrupt):
        ew.save(ew.KAN([2, 1]), path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before
