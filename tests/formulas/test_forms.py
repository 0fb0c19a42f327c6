"""The table of forms: each law recovers its constants from a noisy table, and says what it is."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sympy

import edgewise as ew
from edgewise.expressions import FitData, evaluate, parse
from edgewise.forms import Form, Parameter
from edgewise.formulas.forms import Screen, fitted_form

ENDS = {"fraction": (0.05, 0.9), "positive": (0.3, 12.0), "nonnegative": (0.0, 12.0), "anywhere": (0.5, 12.0)}
BY_KIND = {"period": 2.9, "place": 3.1}
LINEAR = (2.3, 1.4, 0.9, 1.7, 0.6, 1.2, 0.8)
SIZES = (1.1, 0.7, 1.6, 0.45, 2.2)
COLUMN, TARGET = 2.7, 1.5  # sizes of columns and targets that units are made of
#: constants and ends of columns where those by kind make no sense: poles among the rows, and laws of narrow ranges
CHOSEN: dict[str, dict[str, float]] = {
    "Vogel": {"T0": -1.0}, "inverse square": {"b": -1.2}, "Curie-Weiss": {"Tc": -1.0},
    "shifted hyperbola": {"c": -1.1}, "Antoine": {"C": 1.2}, "Antoine, logarithm": {"C": 1.2},
    "van der Waals": {"b": 0.1}, "linear-quadratic survival": {"a": 0.2, "b": 0.05},
    "Steinhart-Hart": {"A": 2.3, "B": 0.6, "C": 0.1}, "Gutenberg-Richter": {"a": 2.3, "b": 0.3},
    "Guggenheim-Katayama": {"Tc": 14.0}, "power law to an end": {"B": 14.0}, "Stevens": {"I0": 0.1},
    "shifted power law": {"B": -0.7, "n": -1.4}, "Briere": {"T0": 0.1, "Tm": 14.0}, "Sellmeier, one term": {"C": 0.02},
    "Sellmeier, two terms": {"C1": 0.02, "C2": 300.0}, "Stormer viscometer": {"c": -0.7},
    "Sellmeier, three terms": {"C1": 0.006, "C2": 0.03, "C3": 400.0}, "Brain-Cousens": {"b": 2.4},
}  # fmt: skip
NARROW = {
    "Bragg": (0.2, 1.4),
    "Malus": (0.0, 3.0),
    "Malus, degrees": (0.0, 180.0),
    "Lennard-Jones": (2.5, 8.0),
    "thin lens": (4.0, 12.0),
    "linear-quadratic survival": (0.0, 5.0),
    "product of three powers": (2.0, 12.0),
}
#: laws whose constants may change places, or that are the same to the noise for others
UNTOLD = {
    "biexponential", "biexponential with a background", "three exponentials", "Preece-Baines", "Bateman", "Bass",
    "CES", "Ramberg-Osgood", "Sellmeier, three terms", "Brillouin",
}  # fmt: skip


def columns_of(form: Form, rng: np.random.Generator) -> np.ndarray:
    """Return 80 rows (80, inputs) on which a law makes sense."""
    ends = [NARROW.get(form.name, ENDS[form.where.get(name, "anywhere")]) for name in form.inputs]
    return np.column_stack([np.sort(rng.uniform(low, high, 80)) if k == 0 else rng.uniform(low, high, 80)
                            for k, (low, high) in enumerate(ends)])  # fmt: skip


def constants_of(form: Form) -> dict[str, float]:
    """Return constants of a law of the sizes of its units."""
    found: dict[str, float] = {}
    for k, each in enumerate(form.parameters):
        if each.kind in ("linear", "factor"):
            found[each.symbol] = LINEAR[k % len(LINEAR)]
        elif each.kind == "number":
            found[each.symbol] = 1.13 * float(np.median(each.values))
        else:
            unit = np.prod([(TARGET if name == "y" else COLUMN) ** power for name, power in each.powers.items()])
            found[each.symbol] = BY_KIND.get(each.kind, float(unit) * SIZES[k % len(SIZES)])
    return found | CHOSEN.get(form.name, {})


def made(form: Form, noise: float = 1e-3) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Return rows, a target with noise, and the constants that it was made of."""
    rng = np.random.default_rng(3)
    x, constants = columns_of(form, rng), constants_of(form)
    numbers = {sympy.Symbol(name): sympy.Float(value) for name, value in constants.items()}
    y = evaluate(form.expression.xreplace(numbers), list(form.inputs), x)
    return x, y + rng.normal(0, noise * y.std(), len(y)), constants


@pytest.mark.parametrize("name", ew.forms.names())
def test_a_law_recovers_its_constants(name: str) -> None:
    form = ew.forms.get(name)
    x, y, constants = made(form)
    data, places = FitData.of(list(form.inputs), x, y), tuple(range(len(form.inputs)))
    screen = Screen(data)
    assert screen.admits(form, places)
    fits = [fitted_form(form, tuple(form.inputs), start, data, 200) for start in screen.starts(form, places, 3)]
    best = min(fits, key=lambda fit: fit.error)
    assert best.error < 1.2e-3
    if name not in UNTOLD:
        jacobian = best.relative_jacobian(data)[1]
        covariance = np.linalg.inv(jacobian.T @ jacobian) * best.error**2 / (len(y) - len(best.values))
        errors = np.sqrt(np.diag(covariance)) * np.abs(best.values)
        true = np.array([constants[symbol] for symbol in form.symbols])
        assert (np.abs(np.abs(best.values) - np.abs(true)) < 5 * errors + 1e-9).all()


@pytest.mark.parametrize("name", [name for name in ew.forms.names() if ew.forms.get(name).like])
def test_laws_that_are_alike_are_the_same_function(name: str) -> None:
    form, other = ew.forms.get(name), ew.forms.get(ew.forms.get(name).like)
    assert not other.like and len(other.inputs) == len(form.inputs)
    assert len(other.parameters) >= len(form.parameters)
    x, y, _ = made(form, noise=0.0)
    data, places = FitData.of(list(form.inputs), x, y), tuple(range(len(form.inputs)))
    fits = [fitted_form(other, tuple(form.inputs), start, data, 500)
            for start in Screen(data).starts(other, places, 5)]  # fmt: skip
    assert min(fit.error for fit in fits) < 1e-6


@pytest.mark.parametrize("name", [name for name in ew.forms.names() if ew.forms.get(name).monotone])
def test_monotone_laws_go_one_way(name: str) -> None:
    form = ew.forms.get(name)
    _, y, _ = made(form, noise=0.0)
    if len(form.inputs) == 1:
        assert (np.diff(y) > -1e-12).all() or (np.diff(y) < 1e-12).all()


def test_every_law_says_what_its_constants_are_and_where_it_is_from() -> None:
    names = ew.forms.names()
    assert len(names) >= 150
    for form in map(ew.forms.get, names):
        assert form.checked() is form
        assert form.source and form.subject and all(form.inputs.values())
        assert all(each.meaning and each.unit for each in form.parameters)
        assert {*form.where} <= {*form.inputs}
        assert form.expression == parse(form.formula, [*form.inputs, *form.symbols])
    assert sum(not ew.forms.get(name).like for name in names) >= 110


PUROMYCIN = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1])  # ppm, treated cells
RATES = np.array([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200.0])
"""Counts per minute: Bates and Watts, Nonlinear Regression Analysis and Its Applications (1988), p. 269."""


def test_a_fit_by_name_starts_itself_and_says_what_constants_are() -> None:
    fit = ew.forms.fit("michaelis-menten", {"conc": PUROMYCIN}, RATES)
    assert list(fit.constants) == ["Vmax", "Km"]
    assert (str(fit.constants["Vmax"]), str(fit.constants["Km"])) == ("212.7 ± 6.9", "0.0641 ± 0.0083")
    assert fit.notes[0].startswith("Michaelis-Menten. Vmax: rate at saturation")


def test_columns_of_a_fit_are_named_by_place_or_by_input() -> None:
    rng = np.random.default_rng(0)
    table = {"g": rng.uniform(8, 20, 31), "h": rng.uniform(60, 90, 31)}
    volume = 0.0015 * table["g"] ** 2 * table["h"] ** 1.1
    one = ew.forms.fit("Schumacher-Hall", table, volume, columns=["g", "h"])
    other = ew.forms.fit("Schumacher-Hall", table, volume, columns={"h": "h", "d": "g"})
    assert one.values == pytest.approx(other.values, rel=1e-6)
    assert one.values["a"] == pytest.approx(2.0)


def test_a_constant_called_as_a_column_gets_another_name() -> None:
    fit = ew.forms.fit("power law", {"b": np.arange(1.0, 9.0)}, 3 * np.arange(1.0, 9.0) ** 0.7)
    assert fit.values["b_"] == pytest.approx(0.7)


def odd(formula: str, unit: str = "y", kind: str = "linear") -> Form:
    """Register a law that is not what it says."""
    return ew.forms.register(Form("odd", formula, {"x": "x"}, (Parameter("a", "a constant", unit, kind),)))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ew.forms.get("Michelis-Menten"), "Known: Michaelis-Menten"),
        (lambda: ew.forms.get(3), "Unknown form 3"),  # pyright: ignore[reportArgumentType]
        (lambda: ew.forms.names("physic"), "Known: physics"),
        (lambda: ew.forms.fit("Nernst", {"c": PUROMYCIN}, RATES), "has 2 inputs: T"),
        (lambda: ew.forms.fit("power law", {"c": -PUROMYCIN}, RATES), "It needs 'c' above 0"),
        (lambda: ew.forms.fit("Hill", {"c": PUROMYCIN[:2]}, RATES[:2]), "need at least"),
        (lambda: ew.forms.fit("Hill", {"c": PUROMYCIN}, RATES, columns=["d"]), "d"),
        (lambda: ew.forms.register(ew.forms.get("Hill")), "is taken"),
        (lambda: ew.forms.register("Hill"), "must be an edgewise.forms.Form"),  # pyright: ignore[reportArgumentType]
        (lambda: odd("a*x + k"), "Unknown name 'k'"),
        (lambda: odd("a*x", unit="y/z"), "unit of 'a'"),
        (lambda: odd("a*x", kind="free"), "kind of the"),
        (lambda: odd("a"), "does not hold 'x'"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ew.InputError, match=says.replace("(", r"\(")):
        call()


def test_the_page_has_the_table_of_the_laws() -> None:
    folder = Path(__file__).parents[2] / "docs"
    page = (folder / "forms.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(folder / "make_forms.py"))["with_table"](page) == page, "Run python docs/make_forms.py."
