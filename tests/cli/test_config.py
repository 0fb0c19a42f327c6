"""Configurations: networks as plain data, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import edgewise as ew

BASES = ["bspline", "linear", "chebyshev", "rbf", "fourier"]


def through_json(config: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(config, allow_nan=False))


def same(a: ew.KAN, b: ew.KAN) -> bool:
    """Whether two networks have the same state and the same architecture."""
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("base", [None, "silu"])
@pytest.mark.parametrize("basis", BASES)
def test_a_configuration_is_what_kan_is_called_with(basis: Any, base: Any, dtype: torch.dtype) -> None:
    said: dict[str, Any] = {"basis": basis, "grid": 4, "base": base, "domain": (-2.0, 3.0), "init": "noise"}
    model = ew.KAN([3, (2, [3]), 2], dtype=dtype, seed=5, **said)
    config = model.get_config()
    assert config == through_json(config)
    assert config["widths"] == [3, [2, [3]], 2]
    assert {key: config[key] for key in said} == {**said, "domain": [-2.0, 3.0]}
    assert same(ew.KAN.from_config(config, seed=5), model)
    assert ew.KAN.from_config(config).get_config() == config


def test_only_widths_are_required() -> None:
    assert same(ew.KAN.from_config({"widths": [2, 5, 1]}), ew.KAN([2, 5, 1]))
    assert same(ew.KAN.from_config({"widths": (2, (1, 1)), "degree": 5}, seed=3), ew.KAN([2, (1, 1)], degree=5, seed=3))


def test_layers_and_inputs_keep_their_own_grids_and_ranges() -> None:
    model = ew.KAN([2, 3, 1], basis="rbf")
    x = torch.rand(50, 2, dtype=torch.float64) * torch.tensor([1.0, 40.0])
    model = ew.nn.adapt_grid(model, x)
    model.layers[1] = ew.nn.refine_grid(model, 3).layers[1]
    config = model.get_config()
    assert config["grid"] == [5, 15] and len(config["domain"][0]) == 2 and len(config["domain"][1]) == 3
    again = ew.KAN.from_config(through_json(config))
    for old, new in zip(model.layers, again.layers, strict=True):
        assert torch.equal(old.knots, new.knots) and old.coefficients.shape == new.coefficients.shape
    assert torch.isfinite(again(x)).all() and again.get_config() == config


def test_a_configuration_and_a_state_dict_are_the_network(mixed_network: Any) -> None:
    model = ew.nn.lock(mixed_network([2, (2, 1), 1], symbolic=0.5), [(1, 0, 0)])
    again = ew.KAN.from_config(through_json(model.get_config()))
    assert [layer.symbols for layer in again.layers] == [layer.symbols for layer in model.layers]
    assert [layer.rules for layer in again.layers] == [layer.rules for layer in model.layers]
    again.load_state_dict(model.state_dict())
    assert same(again, model)


_WIDTH = st.one_of(st.integers(1, 3), st.tuples(st.integers(0, 2), st.lists(st.integers(2, 3), min_size=1, max_size=2)))


@given(
    widths=st.tuples(st.integers(1, 3), st.lists(_WIDTH, min_size=1, max_size=3)),
    basis=st.sampled_from(BASES),
    base=st.sampled_from([None, "silu", "identity"]),
    grid=st.integers(1, 6),
    ends=st.tuples(st.floats(-1e6, 1e6), st.floats(0.1, 1e6)),
    double=st.booleans(),
)
def test_any_architecture_comes_back(
    widths: tuple[int, list[Any]], basis: Any, base: Any, grid: int, ends: tuple[float, float], double: bool
) -> None:
    model = ew.KAN(
        [widths[0], *widths[1]], basis=basis, base=base, grid=grid, domain=(ends[0], ends[0] + ends[1]),
        dtype=torch.float64 if double else torch.float32, seed=1,
    )  # fmt: skip
    config = through_json(model.get_config())
    again = ew.KAN.from_config(config, seed=1)
    assert same(again, model) and again.get_config() == config


def test_a_class_of_ones_own_builds_its_own() -> None:
    class Net(ew.KAN):
        pass

    assert type(Net.from_config({"widths": [1, 1]})) is Net


def test_building_from_a_configuration_is_quiet(quiet: None) -> None:
    config = ew.KAN([2, 1]).get_config()
    before = json.dumps(config)
    ew.KAN.from_config({**config, "grid": [5]})
    assert json.dumps(config) == before


def test_a_device_and_a_seed_are_arguments() -> None:
    assert ew.KAN.from_config({"widths": [1, 1]}, device="meta").device.type == "meta"
    with pytest.raises(ew.InputError, match="'seed'"):
        ew.KAN.from_config({"widths": [1, 1]}, seed="a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "is a dict"),
        ([2, 1], "is a dict"),
        ({}, "'widths' of a configuration must list"),
        ({"widths": 3}, "'widths' of a configuration"),
        ({"widths": [2]}, "'widths' of a configuration"),
        ({"widths": [[2, 1], 1]}, "begin with the number of inputs"),
        ({"widths": [2, 0]}, "A width of KAN must be"),
        ({"widths": [2, "1"]}, "A width of KAN must be"),
        ({"widths": [2, [1, 10**8], 1]}, "A width of KAN must be"),
        ({"widths": [10**6, 10**6]}, "memory"),
        ({"widths": [2, 1], "with": 3}, "Unknown key of a configuration 'with'. Known: widths"),
        ({"widths": [2, 1], 3: 3}, "Unknown key of a configuration 3"),
        ({"widths": [2, 1], "basis": "splines"}, "Unknown basis"),
        ({"widths": [2, 1], "basis": ["bspline"]}, "Unknown basis"),
        ({"widths": [2, 1], "degree": 10}, "'degree'"),
        ({"widths": [2, 1], "degree": "3"}, "'degree'"),
        ({"widths": [2, 1], "basis": "rbf", "degree": 2}, "'degree'"),
        ({"widths": [2, 1], "base": "softsign"}, "base function"),
        ({"widths": [2, 1], "base": {}}, "base function"),
        ({"widths": [2, 1], "grid": 0}, "'grid' of a configuration must be an int >= 1, or a list of 1"),
        ({"widths": [2, 1], "grid": [5, 5]}, "'grid' of a configuration"),
        ({"widths": [2, 1], "grid": [True]}, "'grid' of a configuration"),
        ({"widths": [2, 1], "grid": 10**12}, "memory"),
        ({"widths": [2, 1], "domain": [1, -1]}, "'domain' of a configuration"),
        ({"widths": [2, 1], "domain": [[[0, 1]]]}, "'domain' of a configuration"),
        ({"widths": [2, 1], "domain": [[[0, 1], [0, float("inf")]]]}, "'domain' of a configuration"),
        ({"widths": [2, 1], "domain": [[[0, 1], [1, 1 + 1e-16]]]}, "'domain'"),
        ({"widths": [2, 1], "domain": [[[0, 1], [1e9, 1e9 + 1e-7]]]}, "'domain' parameter of KAN"),
        ({"widths": [2, 1], "dtype": "float16"}, "'dtype' of a configuration must be 'float32' or 'float64'"),
        ({"widths": [2, 1], "dtype": torch.float64}, "'dtype' of a configuration"),
        ({"widths": [2, 1], "init": "zeros"}, "Unknown initialization"),
        ({"widths": [2, 1], "init": []}, "Unknown initialization"),
        ({"widths": [2, 1], "symbols": [[[0, 2, "sin"]]]}, "damaged list of functions"),
        ({"widths": [2, 1], "symbols": [[[0, 0, "sinn"]]]}, "uses the function 'sinn'"),
        ({"widths": [2, 1], "symbols": 3}, "damaged list of functions"),
        ({"widths": [2, 1], "rules": [[[0, 0, {"frozen": True}]]]}, "damaged list of rules"),
    ],
    ids=repr,
)
def test_what_is_no_configuration_is_refused_in_one_line(config: Any, words: str) -> None:
    with pytest.raises(ew.InputError, match=words) as caught:
        ew.KAN.from_config(config)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_networks_that_no_configuration_says() -> None:
    with pytest.raises(ew.InputError, match=r"float32 or float64\. This one is bfloat16"):
        ew.KAN([2, 1]).to(torch.bfloat16).get_config()
    model = ew.KAN([2, 2, 1])
    model.layers[1] = ew.KAN([2, 1], basis="rbf").layers[0]
    with pytest.raises(ew.InputError, match="The layers of this one differ"):
        model.get_config()
