"""Networks to files and back: to the last bit, or one line that says why not."""

from __future__ import annotations

import json
import random
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

import edgewise as ew
from edgewise import functions
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
        assert {n for n, p in new.named_parameters() if p.requires_grad} == {"coefficients", "base_weight", "affine"}


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


def test_the_text_of_a_formula_is_for_readers_alone(tmp_path) -> None:
    """Whatever a file says there, the formula is the network's."""
    path = tmp_path / "m"
    ew.save(ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin"), path)
    path.write_bytes(described(formulas=["__import__('os').abort()"])(path.read_bytes()))
    saved = load_with_metadata(path)
    assert saved.formula_texts == ["__import__('os').abort()"]
    assert saved.formula == sympy.sin(sympy.Symbol("x1"))


def test_a_formula_too_long_to_read_is_not_written(tmp_path) -> None:
    model = ew.KAN([4, 8, 8, 8, 1])
    for number, layer in enumerate(model.layers):
        for j in range(layer.n_out):
            for i in range(layer.n_in):
                model = ew.nn.set_function(model, number, j, i, "tanh")
    ew.save(model, tmp_path / "m")
    assert load_with_metadata(tmp_path / "m").formula_texts is None


@pytest.mark.parametrize("schema", [1, 2])
def test_files_of_older_schemas_load(schema: int, saved: Path) -> None:
    old: dict[str, Any] = {
        "schema": schema,
        "units": ...,
        "formulas": ...,
        "rules": ...,
        **({"basis": ...} if schema == 1 else {}),
    }
    model = ew.load(saved)
    saved.write_bytes(described(**old)(saved.read_bytes()))
    again = load_with_metadata(saved)
    assert (again.names, again.target, again.units, again.formula_texts) == (["a", "b"], "y", None, None)
    x = rows(20, 2)
    assert torch.equal(again.model(x), model(x))


def test_the_file_is_plain_safetensors(tmp_path) -> None:
    from safetensors.numpy import load_file

    model = ew.KAN([2, 1])
    ew.save(model, tmp_path / "m")
    tensors = load_file(tmp_path / "m")
    assert {name.rpartition(".")[2] for name in tensors} == {
        "coefficients", "base_weight", "affine", "knots", "mask", "affine_free"
    }  # fmt: skip
    np.testing.assert_array_equal(tensors["layers.0.coefficients"], model.layers[0].coefficients.detach().numpy())
    header = header_of((tmp_path / "m").read_bytes())
    assert json.loads(header["__metadata__"]["edgewise"]) == {
        "schema": 3, "version": ew.__version__, "widths": [2, 1], "basis": "bspline", "degree": 3, "base": None,
        "dtype": "float64", "symbols": [[]], "names": None, "target": None, "units": None, "formulas": None,
        "rules": None,
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


# what cannot be loaded


def header_of(data: bytes) -> dict[str, Any]:
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size])


def with_header(data: bytes, header: dict[str, Any]) -> bytes:
    (size,) = struct.unpack("<Q", data[:8])
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def described(**changes: Any) -> Callable[[bytes], bytes]:
    """Change entries of the description; Ellipsis takes one away."""

    def apply(data: bytes) -> bytes:
        header = header_of(data)
        description = {**json.loads(header["__metadata__"]["edgewise"]), **changes}
        description = {key: value for key, value in description.items() if value is not ...}
        header["__metadata__"]["edgewise"] = json.dumps(description)
        return with_header(data, header)

    return apply


def metadata(value: Any) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        header = header_of(data)
        header.pop("__metadata__")
        return with_header(data, header if value is None else {"__metadata__": value, **header})

    return apply


def tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        from safetensors.torch import load, save

        content = load(data)
        change(content)
        return save(content, header_of(data)["__metadata__"])

    return apply


def fill(name: str, place: tuple[Any, ...], value: float) -> Callable[[bytes], bytes]:
    return tensors(lambda t: t[f"layers.0.{name}"].__setitem__(place, value))


def cast(name: str, dtype: torch.dtype) -> Callable[[bytes], bytes]:
    return tensors(lambda t: t.__setitem__(f"layers.0.{name}", t[f"layers.0.{name}"].to(dtype)))


def bool_byte(data: bytes) -> bytes:
    """A mask byte that is neither 0 nor 1."""
    (size,) = struct.unpack("<Q", data[:8])
    start = 8 + size + header_of(data)["layers.0.mask"]["data_offsets"][0]
    return data[:start] + b"\7" + data[start + 1 :]


DAMAGED = "not a safetensors file, or a damaged one"
NO_NETWORK = "not a network that edgewise saved"
BROKEN: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("empty", lambda _: b"", DAMAGED),
    ("short", lambda data: data[:5], DAMAGED),
    ("half", lambda data: data[: len(data) // 2], DAMAGED),
    ("one byte short", lambda data: data[:-1], DAMAGED),
    ("one byte long", lambda data: data + b"\0", DAMAGED),
    ("text", lambda _: b"not a network " * 20, DAMAGED),
    ("zip", lambda _: b"PK\3\4" + bytes(100), DAMAGED),
    ("pickle", lambda _: b"\x80\4cos\nsystem\n(S'false'\ntR." + bytes(50), DAMAGED),
    ("claims a huge header", lambda data: struct.pack("<Q", 2**62) + data[8:], DAMAGED),
    ("no metadata", metadata(None), NO_NETWORK),
    ("other metadata", metadata({"format": "pt"}), NO_NETWORK),
    ("no JSON", metadata({"edgewise": "{"}), "damaged description"),
    ("a list", metadata({"edgewise": "[1]"}), "damaged description"),
    ("deep JSON", metadata({"edgewise": "[" * 200_000}), "damaged description"),
    ("long number", metadata({"edgewise": '{"schema": ' + "9" * 10_000 + "}"}), "damaged description"),
    ("rules of no edge", described(rules=[[[9, 0, {}]], []]), "damaged list of rules"),
    ("rules of one layer", described(rules=[[]]), "damaged list of rules"),
    ("unknown rule", described(rules=[[[0, 0, {"frozen": True}]], []]), "damaged list of rules"),
    ("wrong rule", described(rules=[[[0, 0, {"smooth": "much"}]], []]), "damaged list of rules"),
    ("rule of an unknown function", described(rules=[[[0, 0, {"functions": ["no"]}]], []]), "function 'no'"),
    ("newer", described(schema=4), r"newer version of edgewise \(schema 4\): upgrade"),
    ("newer and different", metadata({"edgewise": '{"schema": 7, "layers": []}'}), "newer version"),
    ("schema zero", described(schema=0), "damaged schema"),
    ("schema text", described(schema="1"), "damaged schema"),
    ("schema true", described(schema=True), "damaged schema"),
    ("schema missing", described(schema=...), "damaged schema"),
    *((f"{key} missing", described(**{key: ...}), f"'{key}' is missing") for key in ("widths", "names", "units")),
    ("unknown entry", described(extra=1), "'extra' is unknown"),
    *(
        (f"widths {value!r:.30}", described(widths=value), "widths")
        for value in (None, "21", [], [2], [2, 0], [2, -1, 1], [2, 1.0], [2, True], [2, "1"], [[2, 1], 1],
                      [2, [1], 1], [2, [1, 2, 3], 1], [2, [-1, 2], 1], [2, [0, 0], 1], [2, [0, []], 1],
                      [2, [1, [1]], 1],
                      [2, {"a": 1}, 1])
    ),
    ("other widths", described(widths=[2, [1, 2], 1]), "shape"),
    ("more layers", described(widths=[2, [1, 1], 1, 1], symbols=[[], [], []]), "is missing"),
    ("fewer layers", described(widths=[2, [1, 1]], symbols=[[]]), "is unknown"),
    ("huge widths", described(widths=[2, 10**15, 1]), "shape"),
    ("huge products", described(widths=[2, [0, 10**15], 1]), "shape"),
    ("huge arity", described(widths=[2, [1, [10**18]], 1]), "shape"),
    *((f"degree {value}", described(degree=value), "degree") for value in (0, 6, -1, 2.0, "3", None, True, 10**30)),
    ("other degree", described(degree=5), "shape"),
    *((f"base {value}", described(base=value), "base function") for value in ("relu", 1, [])),
    *((f"dtype {value}", described(dtype=value), "number type") for value in ("float16", "int64", None, 8, "Tensor")),
    ("other dtype", described(dtype="float32"), "is not F32"),
    *(
        (f"symbols {value!r:.30}", described(symbols=value), "functions")
        for value in (None, [], [[]], [[], [], []], [[], 3], [[], [3]], [[], [[0, 0]]], [[], [[0, 0, 3]]],
                      [[], [[0, 5, "sin"]]], [[], [[-1, 0, "sin"]]], [[], [[0, 0.0, "sin"]]],
                      [[], [[0, 0, "sin"], [0, 0, "cos"]]], [[], {"a": 1}])
    ),
    ("unknown function", described(symbols=[[], [[0, 0, "sinus"]]]), "function 'sinus'.*does not know"),
    ("code for a function", described(symbols=[[], [[0, 0, "__import__('os')"]]]), "does not know"),
    *((f"names {value!r}", described(names=value), "names") for value in (["a"], ["a", "a"], ["a", 1], "ab", 3, [])),
    *((f"target {value!r}", described(target=value), "target") for value in (3, ["y"], ["y", "z"], [])),
    *(
        (f"units {value!r:.30}", described(units=value), "units")
        for value in ("kg", ["kg"], {"c": "m"}, {"a": 3}, {"a": ""}, {"a": "m\n"}, {"a": "m" * 101}, {"a": "\u202e"})
    ),
    *((f"formulas {value!r}", described(formulas=value), "formulas") for value in ("x", [], ["x", "y"], [3])),
    ("version", described(version=None), "version"),
    ("tensor missing", tensors(lambda t: t.pop("layers.1.mask")), r"'layers\.1\.mask' is missing"),
    ("tensor unknown", tensors(lambda t: t.update(a=torch.zeros(1))), "'a' is unknown"),
    ("tensor reshaped", tensors(lambda t: t.update({"layers.0.affine": torch.zeros(3, 2, 3)})), "has shape"),
    ("knots of no dimension", tensors(lambda t: t.update({"layers.0.knots": torch.tensor(1.0)})), "has shape"),
    ("too few knots", tensors(lambda t: t.update({"layers.0.knots": t["layers.0.knots"][:, :6].clone()})), "has shape"),
    ("coefficients of another type", cast("coefficients", torch.float32), "is not F64"),
    ("mask of another type", cast("mask", torch.uint8), "is not BOOL"),
    ("mask of sevens", bool_byte, r"'layers\.0\.mask'"),
    *(
        (f"{value} in {name}", fill(name, (0, 0), value), "not finite")
        for name in ("coefficients", "base_weight", "affine", "knots")
        for value in (float("nan"), float("inf"))
    ),
    ("knots descend", tensors(lambda t: t.update({"layers.0.knots": t["layers.0.knots"].flip(1)})), "not ascend"),
    ("knots coincide", fill("knots", (0, slice(4, 6)), 0.0), "not ascend"),
]  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "m.safetensors"
    model = ew.nn.set_function(ew.KAN([2, (1, 1), 1]), 0, 0, 0, "sin")
    ew.save(model, path, names=["a", "b"], target="y")
    return path


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_file_is_refused_in_one_line(change, words: str, saved: Path) -> None:
    saved.write_bytes(change(saved.read_bytes()))
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.load(saved)
    message = str(caught.value)
    assert "\n" not in message
    assert str(saved) in message
    assert list(saved.parent.iterdir()) == [saved]


def test_no_file_and_a_folder(tmp_path) -> None:
    with pytest.raises(ew.InputError, match="no file"):
        ew.load(tmp_path / "m")
    with pytest.raises(ew.InputError, match="is a folder"):
        ew.load(tmp_path)
    with pytest.raises(ew.InputError, match=r"no file|cannot be read"):
        ew.load(tmp_path / ("m" * 300))


def test_every_file_cut_short_is_refused(saved: Path) -> None:
    data = saved.read_bytes()
    for length in [*range(0, len(data), 61), len(data) - 1]:
        saved.write_bytes(data[:length])
        with pytest.raises(ew.InputError):
            ew.load(saved)


@given(seed=st.integers(0, 10**6), count=st.integers(1, 4))
def test_random_damage_is_refused_or_harmless(seed: int, count: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever bytes change, either one InputError or a network that computes."""
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    ew.save(ew.KAN([2, (1, 1), 1]), path, names=["a", "b"])
    data = bytearray(path.read_bytes())
    generator = random.Random(seed)
    (size,) = struct.unpack("<Q", data[:8])
    for _ in range(count):
        data[generator.randrange(8 + size if generator.random() < 0.8 else len(data))] = generator.randrange(256)
    path.write_bytes(data)
    try:
        model = ew.load(path)
    except ew.InputError as error:
        assert "\n" not in str(error).replace(str(path), "")
    else:
        assert model(torch.zeros(3, 2)).shape == (3, 1)


def test_a_registered_function_is_needed_to_load(tmp_path, monkeypatch) -> None:
    from edgewise.functions import _library

    monkeypatch.setattr(_library, "_LIBRARY", dict(_library._LIBRARY))
    functions.register(functions.Function("triple", lambda x: 3 * x, lambda x: 3 * x))
    ew.save(ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "triple"), tmp_path / "m")
    assert ew.load(tmp_path / "m")(torch.ones(1, 1)).tolist() == [[3.0]]
    del _library._LIBRARY["triple"]
    with pytest.raises(ew.InputError, match=r"'triple'.*register"):
        ew.load(tmp_path / "m")
