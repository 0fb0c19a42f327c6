"""First values: what each scheme draws, that a network keeps to its scheme, and which one "auto" is."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean

import pytest
import torch

import edgewise as ew
from edgewise.nn import KANLayer, initial_values
from edgewise.train import rescale_knots

SCHEMES = ["smooth", "variance", "power", "noise"]
WIDE = {"grid": 5, "degree": 3, "dtype": torch.float64}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def uniform(rows: int, columns: int, lo: float = -1.0, hi: float = 1.0) -> torch.Tensor:
    return lo + (hi - lo) * torch.rand(rows, columns, generator=seeded(), dtype=torch.float64)


@pytest.mark.parametrize("base", [None, "silu", "identity"])
@pytest.mark.parametrize("init", ["auto", *SCHEMES])
def test_values_have_the_layers_shape_and_depend_on_the_generator_only(init: str, base: str | None) -> None:
    layer = KANLayer(3, 2, base=base, init=init)
    state = torch.get_rng_state()
    curves, weights = initial_values(layer, seeded(1))
    assert torch.equal(torch.get_rng_state(), state)
    assert curves.shape == layer.coefficients.shape and weights.shape == layer.base_weight.shape
    assert curves.dtype == weights.dtype == torch.float64
    again, other = initial_values(layer, seeded(1)), initial_values(layer, seeded(2))
    assert torch.equal(curves, again[0]) and torch.equal(weights, again[1])
    assert not torch.equal(curves, other[0])
    assert bool((weights == 0).all()) == (base is None)


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("grid", [3, 20])
@pytest.mark.parametrize("base", [None, "silu", "identity"])
@pytest.mark.parametrize("domain", [(-1.0, 1.0), (2.0, 7.0)])
def test_variance_hands_the_inputs_variance_on(
    degree: int, grid: int, base: str | None, domain: tuple[float, float]
) -> None:
    layer = KANLayer(
        50, 2000, grid=grid, degree=degree, base=base, domain=domain, init="variance", dtype=torch.float64,
        generator=seeded(),
    )  # fmt: skip
    x = uniform(300, 50, *domain)
    with torch.no_grad():
        # over the draws and the data; the mean of y over the draws is zero
        assert float(layer(x).square().mean() / x.var()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("basis", [name for name in ew.bases.BASES if name != "bspline"])
def test_variance_is_handed_on_by_every_basis(basis: str) -> None:
    layer = KANLayer(50, 2000, basis=basis, init="variance", dtype=torch.float64, generator=seeded())
    x = uniform(300, 50)
    with torch.no_grad():
        assert float(layer(x).square().mean() / x.var()) == pytest.approx(1, abs=0.1)


def test_variance_holds_through_six_layers_and_values_stay_inside_the_knots() -> None:
    model = ew.KAN([32] * 7, init="variance")
    h = uniform(1000, 32)
    for layer in model.layers:
        with torch.no_grad():
            h = layer(h)
        assert 0.7 < float(h.square().mean().sqrt()) / (1 / 3) ** 0.5 < 1.3
        assert float((h.abs() <= 1).double().mean()) > 0.85


@pytest.mark.parametrize(("init", "spline", "base"), [("power", (9 * 40) ** -1.75, (9 * 40) ** -0.25),
                                                      ("noise", 0.1 * 40**-0.5, 40**-0.5)])  # fmt: skip
def test_power_and_noise_have_the_published_sizes(init: str, spline: float, base: float) -> None:
    curves, weights = initial_values(KANLayer(40, 60, init=init, **WIDE), seeded())
    assert float(curves.std()) == pytest.approx(spline, rel=0.03)
    assert float(weights.std()) == pytest.approx(base, rel=0.06)


def test_smooth_curves_are_smooth() -> None:
    """Neighbouring coefficients differ far less than those of independent draws do."""
    roughness = {}
    for init in ("smooth", "variance"):
        curves, _ = initial_values(KANLayer(20, 20, grid=20, base=None, init=init), seeded())
        roughness[init] = float(curves.diff(dim=-1).square().mean() / curves.square().mean())
    assert roughness["smooth"] < 0.1 < 1 < roughness["variance"]


@pytest.mark.parametrize(
    ("shape", "base", "expected"),
    [
        ((4, 3), None, "smooth"),
        ((31, 31), None, "smooth"),
        ((2, 32), None, "noise"),
        ((32, 1), None, "noise"),
        ((4, 3), "silu", "power"),
        ((4, 3), "identity", "power"),
        ((64, 64), "silu", "power"),
    ],
)
def test_auto_is_chosen_by_base_function_and_shape(shape: tuple[int, int], base: str | None, expected: str) -> None:
    auto, named = (KANLayer(*shape, base=base, init=init, generator=seeded()) for init in ("auto", expected))
    assert torch.equal(auto.coefficients, named.coefficients)
    assert torch.equal(auto.base_weight, named.base_weight)


def test_auto_is_what_the_stored_measurements_say() -> None:
    """The largest share of good second-order starts where networks are narrow, the least error by Adam elsewhere."""
    with (Path(__file__).parents[2] / "benchmarks" / "results" / "scripts" / "initialization.csv").open(
        newline=""
    ) as file:
        stored = list(csv.DictReader(file))

    def best(task: str, base: str, network: str, score: Callable[[list[float]], float]) -> str:
        errors: dict[str, list[float]] = {}
        for row in stored:
            if (row["task"], row["base"]) == (task, base) and network in row["network"]:
                errors.setdefault(row["scheme"], []).append(float(row["value"]))
        assert set(errors) == set(SCHEMES)
        return min(errors, key=lambda scheme: score(errors[scheme]))

    assert best("second order", "none", "[4, 2, 1, 1]", lambda errors: -sum(e < 0.05 for e in errors)) == "smooth"
    assert best("first order", "none", "32", geometric_mean) == "noise"
    assert best("first order", "silu", "", geometric_mean) == "power"


@pytest.mark.parametrize("init", SCHEMES)
def test_a_fresh_start_of_a_network_keeps_to_its_scheme(init: str) -> None:
    model = ew.KAN([2, 3, 1], base="silu", init=init, seed=0)
    fresh = rescale_knots(model, uniform(100, 2), seed=5)
    generator = seeded(5)
    for layer, old in zip(fresh.layers, model.layers, strict=True):
        assert layer.init == init
        curves, weights = initial_values(layer, generator)
        assert torch.equal(layer.coefficients, curves) and torch.equal(layer.base_weight, weights)
        assert not torch.equal(layer.coefficients, old.coefficients)


def test_the_same_seed_gives_the_same_network_in_every_dtype() -> None:
    for init in SCHEMES:
        double, single = (ew.KAN([2, 3, 1], init=init, seed=4, dtype=d) for d in (torch.float64, torch.float32))
        for a, b in zip(double.parameters(), single.parameters(), strict=True):
            torch.testing.assert_close(a.float(), b, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("make", [lambda: ew.KAN([2, 1], init="smoth"), lambda: KANLayer(2, 1, init="smoth")])
def test_an_unknown_scheme_is_refused_with_the_nearest_first(make) -> None:
    with pytest.raises(ew.InputError, match=r"Unknown initialization 'smoth'\. Known: smooth"):
        make()
