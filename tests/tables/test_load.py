"""Files that are no networks, damaged ones and older ones: loaded, or one line that says why not."""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_files import Change, described, header_of, sealed, with_header

import edgewise as ew
from edgewise import functions
from edgewise.io import Malformed, load_with_metadata, read_model


def rows(n: int, d: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.5


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
        return sealed(save(content, header_of(data)["__metadata__"]))

    return apply


def fill(name: str, place: tuple[Any, ...], value: float) -> Callable[[bytes], bytes]:
    return tensors(lambda t: t[f"layers.0.{name}"].__setitem__(place, value))


def cast(name: str, dtype: torch.dtype) -> Callable[[bytes], bytes]:
    return tensors(lambda t: t.__setitem__(f"layers.0.{name}", t[f"layers.0.{name}"].to(dtype)))


def bool_byte(data: bytes) -> bytes:
    """A mask byte that is neither 0 nor 1."""
    (size,) = struct.unpack("<Q", data[:8])
    start = 8 + size + header_of(data)["layers.0.mask"]["data_offsets"][0]
    return sealed(data[:start] + b"\7" + data[start + 1 :])


def with_checksum_last(data: bytes) -> bytes:
    """Where nobody looks for it."""
    header = header_of(data)
    description = json.loads(header["__metadata__"]["edgewise"])
    checksum = description.pop("checksum")
    header["__metadata__"]["edgewise"] = json.dumps({**description, "checksum": checksum})
    return with_header(data, header)


def entry(value: Any) -> Change:
    """Change what the header says of one tensor."""

    def apply(data: bytes) -> bytes:
        return with_header(data, {**header_of(data), "layers.0.base_weight": value})

    return apply


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
    ("newer", described(schema=7), r"newer version of edgewise \(schema 7\): upgrade"),
    ("newer and different", metadata({"edgewise": '{"schema": 8, "layers": []}'}), "newer version"),
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
    ("huge outputs", described(widths=[2, [1, 1], 10**15]), "shape"),
    ("huge products", described(widths=[2, [0, 10**15], 1]), "list of widths"),
    ("huge arity", described(widths=[2, [1, [10**18]], 1]), "list of widths"),
    *((f"degree {value}", described(degree=value), "degree") for value in (0, 10, -1, 2.0, "3", None, True, 10**30)),
    ("other degree", described(degree=5), "shape"),
    *((f"base {value}", described(base=value), "base function") for value in ("softsign", 1, [])),
    *((f"dtype {value}", described(dtype=value), "number type") for value in ("float16", "int64", None, 8, "Tensor")),
    ("other dtype", described(dtype="float32"), "is not float32"),
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
    ("half a character", described(names=["a", "\ud800"]), "names"),
    ("no checksum", described(checksum=None), "damaged checksum"),
    ("checksum missing", described(checksum=...), "'checksum' is missing"),
    ("checksum of another type", described(checksum=3), "damaged checksum"),
    ("checksum of other text", described(checksum="0" * 63), "checksum does not match"),
    ("checksum elsewhere", with_checksum_last, "checksum does not match"),
    ("header of a list", lambda data: struct.pack("<Q", 2) + b"[]" + data, DAMAGED),
    ("deep header", lambda data: struct.pack("<Q", 10**5) + b"[" * 10**5 + data, DAMAGED),
    ("metadata of numbers", metadata(3), NO_NETWORK),
    ("tensor of another kind", entry(7), DAMAGED),
    ("tensor of many dimensions", entry({"shape": [1] * 10**5}), DAMAGED),
    ("tensor of true", entry({"shape": [2, True]}), DAMAGED),
    ("tensor missing", tensors(lambda t: t.pop("layers.1.mask")), r"'layers\.1\.mask' is missing"),
    ("tensor unknown", tensors(lambda t: t.update(a=torch.zeros(1))), "'a' is unknown"),
    ("tensor reshaped", tensors(lambda t: t.update({"layers.0.affine": torch.zeros(3, 2, 3)})), "has shape"),
    ("knots of no dimension", tensors(lambda t: t.update({"layers.0.knots": torch.tensor(1.0)})), "has shape"),
    ("too few knots", tensors(lambda t: t.update({"layers.0.knots": t["layers.0.knots"][:, :6].clone()})), "has shape"),
    ("coefficients of another type", cast("coefficients", torch.float32), "is not float64"),
    ("mask of another type", cast("mask", torch.uint8), "is not bool"),
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
    from edgewise.formulas.functions import _library

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


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_files_of_older_schemas_load(schema: int, saved: Path) -> None:
    later = {2: ["basis"], 3: ["units", "formulas", "rules"], 4: ["checksum"]}  # schema -> what came with it
    old = {"schema": schema, **{name: ... for number, names in later.items() if number > schema for name in names}}
    model = ew.load(saved)
    saved.write_bytes(described(**old)(saved.read_bytes()))
    again = load_with_metadata(saved)
    assert (again.names, again.target, again.units, again.formula_texts) == (["a", "b"], "y", None, None)
    x = rows(20, 2)
    assert torch.equal(again.model(x), model(x))


# the checksum

SMALL: dict[str, Any] = {"basis": "bspline", "grid": 1, "degree": 1}


def test_every_flipped_bit_of_a_small_file_is_refused(tmp_path) -> None:
    """The header and its padding, the checksum and the tensors."""
    path = tmp_path / "m"
    ew.save(ew.KAN([1, 1], **SMALL), path, names=["größe"], target="y")
    data = path.read_bytes()
    words = set()
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(Malformed) as caught:
            read_model(BytesIO(flipped))
        words.add(str(caught.value).partition(":")[0])
    assert "is damaged" in words
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ew.InputError, match=r"m is damaged: its checksum does not match\. Restore it"):
        ew.load(path)
    path.write_bytes(data)
    assert ew.load(path).widths == [1, 1]


def test_the_checksum_is_the_digest_of_the_file_with_zeros_in_its_place(saved: Path) -> None:
    data = saved.read_bytes()
    assert sealed(data) == data and len(json.loads(header_of(data)["__metadata__"]["edgewise"])["checksum"]) == 64


@pytest.mark.parametrize("schema", [3, 4])
def test_a_column_may_be_named_checksum(schema: int, tmp_path) -> None:
    path = tmp_path / "m"
    names = ["checksum", '{"schema": 4, "checksum": "' + "0" * 64]
    ew.save(ew.KAN([2, 1]), path, names=names, units={"checksum": "m"})
    if schema == 3:
        path.write_bytes(described(schema=3, checksum=...)(path.read_bytes()))
    assert load_with_metadata(path).names == names


def test_what_a_file_claims_is_not_believed_before_it_is_checked(saved: Path, tmp_path) -> None:
    """A header, widths or shapes of any size cost no memory, and long texts no long message."""
    resource = pytest.importorskip("resource")
    data = saved.read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    huge = {"dtype": "F64", "shape": [3, 2, 10**12], "data_offsets": [0, 48 * 10**12]}
    for changed in (
        struct.pack("<Q", 10**8) + data[8:],
        struct.pack("<Q", len(data) - 8) + data[8:],
        described(widths=[10**9, 10**9, 1])(data),
        described(widths=[2, *[1] * 10**5], symbols=[[]] * 10**5)(data),
        described(version="1" * 10**6, names=["a" * 10**6, "b"], extra=1)(data),
        with_header(data, {**header_of(data), "layers.0.coefficients": huge}),
        with_header(data, {**header_of(data), "x" * 10**6: huge}),
        data + bytes(10**7),
    ):
        saved.write_bytes(changed)
        with pytest.raises(ew.InputError) as caught:
            ew.load(saved)
        assert len(str(caught.value)) < 300 + len(str(saved))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "m")
    with pytest.raises(ew.InputError, match="no regular file"):
        ew.load(tmp_path / "m")
