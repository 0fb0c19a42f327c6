"""Folders of networks in the layout of the Hugging Face Hub: to the last bit, or one line that says why not."""

from __future__ import annotations

import builtins
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file, save_model

import edgewise as ew
from edgewise.io import config_text

BASES = ["bspline", "linear", "chebyshev", "rbf", "fourier"]
FILES = ["README.md", "config.json", "model.safetensors", "network.png"]


def rows(n: int, d: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1.5


def same(a: ew.KAN, b: ew.KAN) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def write(model: ew.KAN, folder: Path, **about: Any) -> Path:
    """Write the two files that a network is loaded from, without a card."""
    folder.mkdir(exist_ok=True)
    ew.save(model, folder / "model.safetensors", **about)
    saved = ew.io.load_with_metadata(folder / "model.safetensors")
    (folder / "config.json").write_text(config_text(saved))
    return folder


def edited(folder: Path, **changes: Any) -> None:
    """Change entries of the configuration; Ellipsis takes one away."""
    config = {**json.loads((folder / "config.json").read_text()), **changes}
    (folder / "config.json").write_text(json.dumps({key: v for key, v in config.items() if v is not ...}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("symbolic", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("basis", BASES)
def test_a_network_comes_back_to_the_last_bit(
    basis: Any, symbolic: float, dtype: torch.dtype, mixed_network: Any, tmp_path: Path
) -> None:
    model = mixed_network([2, (2, [1 + 1, 3]), 1], symbolic=symbolic, basis=basis, dtype=dtype, base="silu")
    again = ew.KAN.from_pretrained(write(model, tmp_path))
    assert same(again, model) and again.get_config() == model.get_config()
    assert torch.equal(again(rows(20, 2)), model(rows(20, 2)))


def test_the_folder_holds_what_the_hub_expects(tmp_path: Path, quiet: None) -> None:
    model = ew.KAN([2, 3, 1])
    model.save_pretrained(tmp_path / "a" / "b", names=["mass", "speed"], target="energy", units={"mass": "kg"})
    folder = tmp_path / "a" / "b"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "kan" and config["names"] == ["mass", "speed"] and config["schema"] == 6
    assert same(ew.KAN.from_config(config), ew.KAN([2, 3, 1]))
    assert (folder / "network.png").read_bytes().startswith(b"\x89PNG")
    assert torch.equal(ew.load(folder / "model.safetensors")(rows(9, 2)), model(rows(9, 2)))
    saved = ew.pretrained.load(folder)
    assert (saved.names, saved.target, saved.units) == (["mass", "speed"], "energy", {"mass": "kg"})
    assert ew.KAN.from_pretrained(str(folder), device="meta").device.type == "meta"


def test_a_pruned_network_and_one_layer_come_back(tmp_path: Path) -> None:
    x = rows(200, 2)
    found = ew.fit(ew.KAN([2, 2, 1]), x, x[:, 0] ** 2, grids=[3], options=ew.Options(restarts=1))
    pruned = ew.prune(found.model, x, x[:, 0] ** 2).model
    assert same(ew.KAN.from_pretrained(write(pruned, tmp_path / "pruned")), pruned)
    layer = ew.nn.KANLayer(3, 2)
    ew.nn.stack(layer).save_pretrained(tmp_path / "layer")
    again = ew.KAN.from_pretrained(tmp_path / "layer").layers[0]
    assert torch.equal(again(torch.ones(1, 3)), layer(torch.ones(1, 3))) and again.dtype == torch.float32


def test_tables_with_text_come_back(tmp_path: Path) -> None:
    import pandas as pd

    table = pd.DataFrame({"a": [1.0, 2.0, None, 4.0] * 10, "k": list("xyxz") * 10})
    result = ew.fit(ew.KAN([3, 1]), table, rows(40, 1)[:, 0], grids=[2], options=ew.Options(restarts=1))
    card = ew.model_card(result, (table, rows(40, 1)[:, 0]), target="y")
    result.model.save_pretrained(tmp_path, card=card)
    saved = ew.pretrained.load(tmp_path)
    assert saved.inputs is not None and saved.names == ["a", "a is missing", "k"]
    outputs = saved.model(torch.from_numpy(saved.inputs.of(table))).detach()
    assert torch.equal(outputs[:, 0], torch.from_numpy(result.predict(table)))


@given(
    widths=st.lists(st.one_of(st.integers(1, 3), st.tuples(st.integers(0, 2), st.integers(1, 2))), max_size=2),
    basis=st.sampled_from(BASES),
    symbolic=st.sampled_from([0.0, 0.4, 1.0]),
    grid=st.integers(1, 5),
    plain=st.booleans(),
)
def test_any_network_comes_back(
    widths: list[Any], basis: Any, symbolic: float, grid: int, plain: bool, mixed_network: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    """From the file of `save`, and from a plain state dict in its place."""
    folder = tmp_path_factory.getbasetemp() / "any"
    model = mixed_network([2, *widths, 1], basis=basis, symbolic=symbolic, grid=grid)
    write(model, folder)
    if plain:
        save_file(model.state_dict(), folder / "model.safetensors", {"format": "pt"})
    again = ew.KAN.from_pretrained(folder)
    assert same(again, model)


def test_plain_state_dicts_load(tmp_path: Path) -> None:
    """As safetensors.torch.save_model and the Trainer write them; a configuration by hand needs only widths."""
    model = ew.nn.set_function(ew.KAN([2, 3, 1], dtype=torch.float32), 0, 1, 0, "sin", (2.0, 0.0, 1.0, 0.5))
    write(model, tmp_path)
    save_model(model, str(tmp_path / "model.safetensors"))
    assert same(ew.KAN.from_pretrained(tmp_path), model)
    (tmp_path / "config.json").write_text('{"widths": [2, 3, 1]}')
    again = ew.KAN.from_pretrained(tmp_path)
    assert same(again, model) and again.layers[0].symbols == {(1, 0): "sin"}


def test_a_class_of_ones_own_and_the_mixin_of_the_hub(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")

    class Net(hub.PyTorchModelHubMixin, ew.KAN):
        pass

    class Own(ew.KAN):
        pass

    model = Net([2, 3, 1], base="silu")
    model.save_pretrained(tmp_path / "mixin")
    assert same(ew.KAN.from_pretrained(tmp_path / "mixin"), model)
    again = Own.from_pretrained(write(model, tmp_path / "own"))
    assert type(again) is Own and same(again, model)


# the Hub


def cached(folder: Path, cache: Path, repository: str = "ada/energy-kan") -> None:
    """Lay a folder out as huggingface_hub caches a repository."""
    place = cache / f"models--{repository.replace('/', '--')}"
    snapshot = place / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0" * 40)
    for path in folder.iterdir():
        (place / "blobs").mkdir(exist_ok=True)
        (place / "blobs" / path.name).write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(place / "blobs" / path.name)


def test_a_cached_repository_is_loaded_without_a_network(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    model = ew.KAN([2, 3, 1])
    cached(write(model, tmp_path / "folder"), tmp_path / "cache")
    options: dict[str, Any] = {"cache_dir": tmp_path / "cache", "local_files_only": True}
    assert same(ew.KAN.from_pretrained("ada/energy-kan", **options), model)
    with pytest.raises(ew.InputError, match=r"no folder ada/other.*config\.json of that repository cannot be had"):
        ew.KAN.from_pretrained("ada/other", **options)


def test_a_repository_is_downloaded_with_the_options_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    folder, calls = write(ew.KAN([1, 1]), tmp_path / "folder"), []

    def download(repository: str, name: str, **options: Any) -> str:
        calls.append((repository, name, options["revision"], options["token"], options["library_name"]))
        return str(folder / name)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    ew.KAN.from_pretrained("ada/energy", revision="v2", token="secret")
    assert calls == [("ada/energy", name, "v2", "secret", "edgewise") for name in ("config.json", "model.safetensors")]

    def fail(*arguments: Any, **options: Any) -> str:
        raise OSError("401 Client Error.\nRepository Not Found for url: a\nb")

    monkeypatch.setattr(hub, "hf_hub_download", fail)
    with pytest.raises(ew.InputError, match=r"\(401 Client Error\): check the name, the token and the connection\.$"):
        ew.KAN.from_pretrained("ada/energy")


def test_without_huggingface_hub_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("huggingface_hub"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ew.InputError, match="pip install huggingface_hub"):
        ew.KAN.from_pretrained("ada/energy")


@pytest.mark.parametrize(
    "place", ["nowhere", "../up/there", "a/b/c", "/no/where", "a/../b", "-a/b", "a/b\n", "a\0b", "", "http://a/b"]
)
def test_what_is_no_folder_and_no_repository_asks_nobody(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "hf_hub_download", lambda *_, **__: pytest.fail("asked the Hub"))
    with pytest.raises(ew.InputError):
        ew.KAN.from_pretrained(place)
    with pytest.raises(ew.InputError, match="is a folder or a repository"):
        ew.KAN.from_pretrained(3)  # type: ignore[arg-type]


# what is damaged, or does not fit

BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"widths": [2, 4, 1]}, "model.safetensors .*config.json.*"),
    ({"widths": [10**9, 10**9, 1]}, "config.json"),
    ({"widths": [2, [1, [10**18]], 1]}, "A width of KAN must be|products"),
    ({"widths": "../../etc/passwd"}, "'widths' of a configuration"),
    ({"widths": ...}, "'widths' of a configuration"),
    ({"weights_file": "../../secret"}, "Unknown key of a configuration 'weights_file'"),
    ({"auto_map": {"AutoModel": "evil.py"}}, "Unknown key"),
    ({"basis": "rbf", "degree": None}, "config.json"),
    ({"basis": "__import__('os')"}, "Unknown basis"),
    ({"grid": 7}, "differ in 'grid'"),
    ({"degree": 2}, "config.json"),
    ({"base": "silu"}, "differ in 'base'|'layers"),
    ({"dtype": "float32"}, "config.json|is not float32"),
    ({"dtype": "object"}, "'dtype' of a configuration"),
    ({"names": ["a"]}, "list of input names"),
    ({"target": 3}, "target name"),
    ({"units": {"c": "m"}}, "table of units"),
    ({"inputs": {"encoder": 3}}, "encoding of the columns"),
    ({"symbols": [[[0, 9, "sin"]], []]}, "list of functions"),
    ({"symbols": [[[0, 0, "import"]], []]}, "function 'import'"),
    ({"rules": [[[0, 0, {"locked": 3}]], []]}, "list of rules"),
    ({"version": 3}, "version"),
    ({"schema": 99}, "newer version of edgewise"),
    ({"schema": 10**30}, "newer version of edgewise"),
]


@pytest.mark.parametrize("plain", [False, True], ids=["saved", "state"])
@pytest.mark.parametrize(("changes", "words"), BROKEN, ids=[str(case[0])[:40] for case in BROKEN])
def test_a_configuration_that_does_not_fit_is_refused(
    changes: dict[str, Any], words: str, plain: bool, tmp_path: Path
) -> None:
    model = ew.KAN([2, 3, 1])
    write(model, tmp_path)
    if plain:
        save_file(model.state_dict(), tmp_path / "model.safetensors")
    edited(tmp_path, **changes)
    if plain and changes == {"base": "silu"}:  # the state says nothing of it: base weights are zero
        assert torch.equal(ew.KAN.from_pretrained(tmp_path)(rows(5, 2)), model(rows(5, 2)))
        return
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.KAN.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "3", "[" * 100_000, '{"widths": [2, NaN]}', "\0", '{"a": 1' + "0" * 5000]
)
def test_a_configuration_that_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    write(ew.KAN([2, 1]), tmp_path)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ew.InputError, match=r"config\.json (is no JSON|holds no JSON object)"):
        ew.KAN.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ew.InputError, match="is no JSON"):
        ew.KAN.from_pretrained(tmp_path)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**20) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
_KEYS = ["widths", "basis", "grid", "degree", "base", "domain", "init", "dtype", "symbols", "rules", "names", "units"]


@given(
    key=st.sampled_from([*_KEYS, "target", "decimals", "inputs", "schema", "version"]), value=_ANY, plain=st.booleans()
)
def test_whatever_a_configuration_says_is_refused_or_harmless(
    key: str, value: Any, plain: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write(ew.KAN([2, 1]), tmp_path_factory.getbasetemp() / "whatever")
    if plain:
        save_file(ew.KAN([2, 1]).state_dict(), folder / "model.safetensors")
    edited(folder, **{key: value})
    try:
        model = ew.KAN.from_pretrained(folder)
    except ew.InputError as error:
        assert "\n" not in str(error).replace(str(folder), "")
    else:
        assert model(torch.zeros(3, 2)).shape == (3, 1)


STATES: list[tuple[str, Any, str]] = [
    ("other sizes", lambda _: ew.KAN([2, 5, 1]).state_dict(), r"has shape \(5, 2, 8\) instead of \(3, 2, 8\)"),
    ("a prefix", lambda s: {f"module.{k}": v for k, v in s.items() if "_extra" not in k}, "coefficients' is missing"),
    ("one more", lambda s: {**s, "head.weight": torch.ones(1)}, "'head.weight' is unknown"),
    ("a layer more", lambda s: {**s, "layers.9._extra_state": s["layers.0._extra_state"].clone()}, "is unknown"),
    ("no extra layer", lambda s: {**s, "layers.x._extra_state": s["layers.0._extra_state"].clone()}, "is unknown"),
    ("no list of edges", lambda s: {**s, "layers.0._extra_state": torch.zeros(3, dtype=torch.uint8)}, "no functions"),
    ("numbers of edges", lambda s: {**s, "layers.0._extra_state": torch.full((2, 2), 2.5)}, "no functions"),
    ("half", lambda s: {k: v.half() if v.is_floating_point() else v for k, v in s.items()}, "is not float64"),
    ("nan", lambda s: {**s, "layers.0.coefficients": s["layers.0.coefficients"] * float("nan")}, "not finite"),
    ("knots", lambda s: {**s, "layers.0.knots": s["layers.0.knots"].flip(1).contiguous()}, "do not ascend"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), [case[1:] for case in STATES], ids=[case[0] for case in STATES])
def test_a_state_that_does_not_fit_is_refused(change: Any, words: str, tmp_path: Path) -> None:
    model = ew.KAN([2, 3, 1])
    write(model, tmp_path)
    save_file(change(model.state_dict()), tmp_path / "model.safetensors")
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.KAN.from_pretrained(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "model.safetensors"))


def test_functions_in_a_state_are_checked(tmp_path: Path) -> None:
    model = ew.KAN([2, 1])
    write(model, tmp_path)
    text = json.dumps({"basis": "bspline", "symbols": [[0, 0, "os.system"]], "rules": []}).encode()
    state = {**model.state_dict(), "layers.0._extra_state": torch.frombuffer(bytearray(text), dtype=torch.uint8)}
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(ew.InputError, match=r"function 'os\.system'"):
        ew.KAN.from_pretrained(tmp_path)


def test_missing_and_other_files(tmp_path: Path) -> None:
    write(ew.KAN([2, 1]), tmp_path)
    weights = tmp_path / "model.safetensors"
    with pytest.raises(ew.InputError, match=r"is a file: name its folder"):
        ew.KAN.from_pretrained(weights)
    data = weights.read_bytes()
    for damaged in (data[:50], b"", b"\x80\4cos\nsystem\n", struct.pack("<Q", 2**62) + data[8:], data[:-1] + b"\7"):
        weights.write_bytes(damaged)
        with pytest.raises(ew.InputError, match="damaged"):
            ew.KAN.from_pretrained(tmp_path)
    weights.rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ew.InputError, match="pickled, which edgewise never reads"):
        ew.KAN.from_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(ew.InputError, match=r"no file config\.json"):
        ew.KAN.from_pretrained(tmp_path)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    model = ew.KAN([1, 1])
    (tmp_path / "file").write_text("")
    with pytest.raises(ew.InputError, match="Cannot make the folder"):
        model.save_pretrained(tmp_path / "file" / "folder")
    with pytest.raises(ew.InputError, match="'names' must be 1"):
        model.save_pretrained(tmp_path / "other", names=["a", "b"])
    with pytest.raises(ew.InputError, match="network first"):
        ew.pretrained.save(tmp_path, model)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
