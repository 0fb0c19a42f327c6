"""Files that are no networks, damaged ones and older ones: loaded, or one line that says why not."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

import edgewise as ew
from edgewise import functions
from edgewise.io import load_with_metadata


def rows(n: int, d: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.5


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
    ("newer", described(schema=5), r"newer version of edgewise \(schema 5\): upgrade"),
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


def test_the_text_of_a_formula_is_for_readers_alone(tmp_path) -> None:
    """Whatever a file says there, the formula is the network's."""
    path = tmp_path / "m"
    ew.save(ew.nn.set_function(ew.KAN([1, 1]), 0, 0, 0, "sin"), path)
    path.write_bytes(described(formulas=["__import__('os').abort()"])(path.read_bytes()))
    saved = load_with_metadata(path)
    assert saved.formula_texts == ["__import__('os').abort()"]
    assert saved.formula == sympy.sin(sympy.Symbol("x1"))


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
