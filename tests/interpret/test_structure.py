"""Tests of structure: on exact laws, on noisy tables, on networks; what they refuse; what they leave alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.interpret.symmetries import gaussian_process, measured
from edgewise.interpret.symmetries._gaussian import _misfit
from edgewise.structure import CAP, FLOOR, Finding, Findings, Surrogate, Verdict, exclusive
from edgewise_bench.benchmarks.studies.structure import (
    KINDS,
    answered,
    balanced,
    questions,
    stored_questions,
    structured_laws,
)

S = ew.structure
Law = Callable[[Tensor], Tensor]


def table(rows: int, columns: int, low: float = 1.0, high: float = 3.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(rows, columns, generator=generator, dtype=torch.float64)


def normal(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


YES_AND_NO: dict[str, tuple[Callable[[Surrogate], Finding], Law, Law]] = {
    "irrelevant": (lambda f: S.irrelevant(f, 2), lambda x: x[:, 0] * x[:, 1], lambda x: x[:, 0] + 0.1 * x[:, 2]),
    "additive": (
        lambda f: S.additive(f, [0]),
        lambda x: x[:, 0] ** 2 + x[:, 1] * x[:, 2],
        lambda x: x[:, 0] + x[:, 1] * x[:, 2] + 0.1 * x[:, 0] * x[:, 1],
    ),
    "multiplicative": (
        lambda f: S.multiplicative(f, [0, 1]),
        lambda x: (x[:, 0] + x[:, 1]) * x[:, 2].log(),
        lambda x: 100 + x[:, 0] + x[:, 1] + x[:, 2],  # nearly constant: next to any product, but no product
    ),
    "offset_product": (
        lambda f: S.offset_product(f, [0]),
        lambda x: 5 - x[:, 0] * torch.cos(x[:, 1] * x[:, 2]),
        lambda x: x[:, 0] * (x[:, 1] + x[:, 2]) + x[:, 1],  # every slope is a product, but of different factors
    ),
    "separable": (
        lambda f: S.separable(f, [0, 1]),
        lambda x: torch.sin((x[:, 0] + x[:, 1] ** 2) * x[:, 2]),
        lambda x: x[:, 0] * x[:, 1] + x[:, 0] * x[:, 2],
    ),
    "combined": (
        lambda f: S.combined(f, [0]),
        lambda x: torch.tanh(x[:, 0] ** 2 + x[:, 1] * x[:, 2]),
        lambda x: torch.sin(x[:, 0] * x[:, 1] - x[:, 2]),  # ratios of slopes are products, the rest is not separable
    ),
    "translation": (
        lambda f: S.translation(f, 0, 1),
        lambda x: x[:, 2] * torch.sin(x[:, 0] - 0.5 * x[:, 1]),
        lambda x: x[:, 2] * torch.sin(x[:, 0] - 0.5 * x[:, 1] ** 1.1),
    ),
    "scaling": (
        lambda f: S.scaling(f, 0, 1),
        lambda x: x[:, 2] + (x[:, 0] / x[:, 1] ** 2).exp(),
        lambda x: x[:, 2] + (x[:, 0] / (x[:, 1] + 0.2)).exp(),
    ),
    "power_sum": (
        lambda f: S.power_sum(f, 0, 1),
        lambda x: (x[:, 0] ** 2 + 3 * x[:, 1] ** 2).sqrt() / x[:, 2],
        lambda x: (x[:, 0] ** 2 + x[:, 1] ** 2 + x[:, 0]).sqrt() / x[:, 2],
    ),
    "monomial": (
        lambda f: S.monomial(f, 0),
        lambda x: x[:, 0] ** -1.5 * torch.sin(x[:, 1] * x[:, 2]),
        lambda x: (x[:, 0] + 0.2) ** 2 * x[:, 1] * x[:, 2],
    ),
    "exponential": (
        lambda f: S.exponential(f, 0),
        lambda x: torch.exp(-2 * x[:, 0]) * (x[:, 1] + x[:, 2]),
        lambda x: torch.exp(-x[:, 0] * x[:, 1] / 2) * x[:, 2],
    ),
}


@pytest.mark.parametrize("kind", YES_AND_NO)
def test_each_kind_holds_where_it_is_and_fails_where_it_is_not(kind: str) -> None:
    test, there, absent = YES_AND_NO[kind]
    x = table(300, 3)
    yes, no = test(S.surrogate(x, there)), test(S.surrogate(x, absent))
    assert yes.kind == no.kind == kind
    assert yes.verdict is Verdict.HOLDS and yes.statistic < 1e-10 and yes.margin > 5, yes
    assert no.verdict is Verdict.FAILS and no.statistic > no.threshold and no.margin < 0, no
    assert 0 <= no.statistic <= 1.5


def test_every_kind_of_the_benchmark_is_found_by_find() -> None:
    found = S.find(table(200, 3), lambda x: x[:, 0] * x[:, 1] + x[:, 2])
    assert {one.kind for one in found} == set(KINDS)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_laws_of_known_structure(noise: float) -> None:
    """A part of the benchmark, all questions about a few laws: the limits there are 95 %, 90 % and 90 %, 80 %."""
    names = ["normal density", "interference", "cooling body"]
    asked = [q for q in stored_questions() if q.law in names]
    answers = {name: answered(structured_laws()[name], noise, 1) for name in names}
    said = [answers[q.law].get((q.kind, q.columns), False) for q in asked]
    right = sum(s and q.holds for s, q in zip(said, asked, strict=True))
    assert right / sum(said) >= 0.9
    assert right / sum(q.holds for q in asked) >= 0.8


@pytest.mark.parametrize("name", ["ideal gas", "cooling shell", "impedance"])
def test_the_stored_answers_follow_from_the_formulas(name: str) -> None:
    stored = [q for q in stored_questions() if q.law == name]
    assert stored == list(questions(structured_laws()[name]))
    assert len(structured_laws()) == 40


def test_half_of_the_benchmarks_questions_hold() -> None:
    chosen = balanced(stored_questions())
    for kind in KINDS:
        truths = [q.holds for q in chosen if q.kind == kind]
        assert sum(truths) * 2 == len(truths) >= 18


def test_noise_has_no_structure() -> None:
    """Noise does not depend on its columns, and nothing else may be said of it."""
    x = table(150, 3)
    for seed in range(4):
        held = S.find(x, normal(150, seed)).holding()
        assert {one.kind for one in held} <= {"irrelevant"}


def test_false_positives_are_rare_on_functions_without_structure() -> None:
    rng = np.random.default_rng(5)
    wrong = asked = 0
    for _ in range(3):
        x = rng.uniform(-1.7, 1.7, (300, 3))
        y = np.cos(x @ (0.7 * rng.standard_normal((3, 12))) + rng.uniform(0, 6, 12)) @ rng.standard_normal(12)
        found = S.find(x, y + 0.01 * y.std() * rng.standard_normal(300))
        wrong, asked = wrong + len(found.holding()), asked + len(found)
    assert asked == 3 * 27 and wrong == 0


def verdicts(found: Findings) -> list[tuple[str, tuple[int, ...], Verdict]]:
    return [(one.kind, one.columns, one.verdict) for one in found]


def test_of_many_columns_only_singles_and_pairs_are_split_off() -> None:
    found = S.find(table(200, 9), lambda x: x[:, :8].prod(1))
    assert max(len(one.columns) for one in found) == 2
    assert len(found) == 9 + 2 * 8 + 2 * 8 + 28 + 3 * 28
    assert found.get("irrelevant", [8]).holds and found.get("separable", [2, 5]).holds  # type: ignore[union-attr]
    assert "g(x1) h(rest)" in found.get("multiplicative", [0]).sentence  # type: ignore[union-attr]


def test_units_do_not_matter() -> None:
    x = table(200, 3)
    y = x[:, 0] * torch.sin(x[:, 1] / x[:, 2])
    assert verdicts(S.find(x, y)) == verdicts(S.find(x * torch.tensor([1e-6, 1e3, 50.0]), 1e9 * y))


def test_findings_do_not_depend_on_the_order_of_columns() -> None:
    x = table(200, 3)
    y = x[:, 0] * torch.sin(x[:, 1] / x[:, 2])
    found, turned = S.find(x, y), S.find(x.flip(1), y)
    assert found.get("monomial", [0]).holds and turned.get("monomial", [2]).holds  # type: ignore[union-attr]
    assert len(found.holding()) == len(turned.holding()) and found.get("scaling", [1, 2]).holds  # type: ignore[union-attr]
    assert found.get("additive", [1, 2]) is found.get("additive", [0])
    assert found.get("separable", [0, 1, 2]) is None


def test_a_network_is_tested_by_its_own_slopes() -> None:
    x = table(300, 2)
    y = torch.exp(x[:, 0] - x[:, 1])
    fit = ew.fit(ew.KAN([2, 1, 1]), x, y, grids=[5], options=ew.Options(restarts=1))
    found = S.find(x, fit.model, error=fit.train_error / float(y.std()))
    assert found.get("translation", [0, 1]).holds  # type: ignore[union-attr]
    assert not found.get("power_sum", [0, 1]).holds  # type: ignore[union-attr]
    at = table(5, 2, seed=3)
    pass_through = ew.nn.Pass(fit.model, at).input_gradient()[:, 0]
    assert torch.allclose(S.surrogate(x, fit.model).slopes(at)[:, :, 0], pass_through, rtol=1e-10)


def test_an_inaccurate_surrogate_says_that_it_cannot_tell() -> None:
    x = table(200, 2)
    law = lambda x: torch.exp(x[:, 0] - x[:, 1])  # noqa: E731
    sure, unsure = (S.translation(S.surrogate(x, law, error=error), 0, 1) for error in (1e-3, 0.1))
    assert sure.verdict is Verdict.HOLDS and sure.threshold > FLOOR
    assert unsure.verdict is Verdict.UNCLEAR and unsure.threshold > CAP


def test_samples_of_the_process_are_as_far_off_as_it_is() -> None:
    x = table(300, 3)
    y = torch.sin(x[:, 0] * x[:, 1]) + x[:, 2]
    for noise in (0.0, 0.02):
        f = S.surrogate(x, y + noise * y.std() * normal(300))
        new = table(200, 3, 1.1, 2.9, seed=9)
        values = f.values(new)
        truth = torch.sin(new[:, 0] * new[:, 1]) + new[:, 2]
        off = float((values[:, 0] - truth).square().mean().sqrt())
        said = float((values[:, 1:] - values[:, :1]).square().mean().sqrt())
        assert 0.3 < said / off < 3.5, (noise, said, off)
        assert abs(f.error - noise) < 0.3 * noise + 3e-3


def test_slopes_of_the_process_are_those_of_its_values() -> None:
    x = table(100, 2)
    for y in (torch.sin(x[:, 0]) * x[:, 1], torch.exp(3 * x[:, 0]) / x[:, 1] ** 3):  # the target itself, its logarithm
        f, step = S.surrogate(x, y), 1e-4  # below, the rounding of values would show
        at = table(20, 2, 1.2, 2.8, seed=4)
        for i in range(2):
            moved = torch.zeros(2, dtype=at.dtype)
            moved[i] = step
            numeric = (f.values(at + moved) - f.values(at - moved)) / (2 * step)
            assert torch.allclose(f.slopes(at)[:, i], numeric, rtol=1e-4, atol=1e-5 * float(y.std()))


def test_the_likelihood_has_the_slopes_that_it_says() -> None:
    u, t, uneven = table(40, 2, -1.0, 1.0), normal(40), table(40, 1, 0.5, 2.0, seed=2)[:, 0]
    logs = np.log([1.0, 2.0, 1.5, 0.1])
    _, slopes = _misfit(logs, u, t, uneven)
    for i in range(4):
        step = np.eye(4)[i] * 1e-5
        numeric = (_misfit(logs + step, u, t, uneven)[0] - _misfit(logs - step, u, t, uneven)[0]) / 2e-5
        assert numeric == pytest.approx(slopes[i], rel=1e-5, abs=1e-5)


def test_left_out_rows_are_what_a_process_without_them_says() -> None:
    u, t = table(30, 1, -1.5, 1.5), normal(30)
    ones = torch.ones(30, dtype=torch.float64)
    whole = gaussian_process(u, t, ones, 2, seed=0)
    row = int(whole.kept[0])
    keep = torch.arange(30) != row
    factor = whole.scales.factor(whole.scales.between(u[keep], u[keep]), ones[keep])
    solved = torch.cholesky_solve(t[keep].unsqueeze(1), factor)
    said = whole.scales.between(u[row : row + 1], u[keep]) @ solved
    assert float(t[row] - said[0, 0]) == pytest.approx(float(whole.residual[0]), rel=1e-6)


def test_of_two_that_exclude_each_other_the_better_one_holds() -> None:
    found = [
        Finding("translation", (0, 1), 0.02, 0.05, Verdict.HOLDS, ""),
        Finding("scaling", (0, 1), 0.01, 0.05, Verdict.HOLDS, ""),
        Finding("power_sum", (0, 1), 0.4, 0.05, Verdict.FAILS, ""),
    ]
    assert [one.holds for one in exclusive(found)] == [False, True, False]
    assert exclusive(found[2:]) == found[2:]
    doubt = Finding("scaling", (0, 1), 0.01, 0.4, Verdict.UNCLEAR, "")
    assert not any(one.holds for one in exclusive([found[0], doubt]))


def test_what_is_nowhere_says_nothing() -> None:
    nothing, undefined = torch.zeros(5, 3), torch.full((5, 3), float("nan"))
    for terms in ([nothing, nothing], [undefined, nothing]):
        assert measured(terms).error == float("inf")


def test_points_outside_the_domain_of_a_law_are_left_out() -> None:
    """Rows lie where a < b; exchanging columns leads out of it."""
    x = table(400, 2)
    x = torch.stack([x.amin(1), x.amax(1) + 0.3], dim=1)
    found = S.find(x, lambda x: (x[:, 1] - x[:, 0]).sqrt())
    assert found.get("translation", [0, 1]).holds  # type: ignore[union-attr]
    assert found.get("additive", [0]).verdict is Verdict.FAILS  # type: ignore[union-attr]
    assert not S.find(x, lambda x: (x[:, 1] ** 2 - x[:, 0]).sqrt()).holding()


def test_columns_that_depend_on_each_other_make_no_false_claims() -> None:
    x = torch.stack([normal(400), normal(400, 1), normal(400, 2)], dim=1)
    x[:, 1] = x[:, 0] + 0.2 * x[:, 1]
    found = S.find(x, torch.sin(x[:, 0] - x[:, 1]) * x[:, 2])
    assert found.get("translation", [0, 1]).holds  # type: ignore[union-attr]
    assert {one.kind for one in found.holding()} <= {"translation", "monomial", "multiplicative", "separable"}


X = table(40, 2)
Y = X.sum(1)
F = S.surrogate(X, lambda x: x[:, 0] * x[:, 1])
REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("at least 20 rows", lambda: S.find(X[:5], Y[:5])),
    ("nan in row 0, column 1", lambda: S.find([[1.0, float("nan")]] * 30, Y[:30])),
    ("one number for each", lambda: S.find(X, Y[:30])),
    ("one number for each", lambda: S.find(X, X)),
    ("x1 of x is constant", lambda: S.find(torch.ones(40, 2), Y)),
    ("y is constant", lambda: S.find(X, torch.ones(40))),
    ("function is constant", lambda: S.find(X, lambda x: 0 * x[:, 0])),
    ("x must be numbers", lambda: S.find("table.csv", Y)),
    ("y must be numbers", lambda: S.find(X, ["a"] * 40)),
    ("tensor \\(n,\\) or \\(n, 1\\). Got \\(40, 2\\)", lambda: S.find(X, lambda x: x)),
    ("Got ndarray", lambda: S.find(X, lambda x: x.detach().numpy()[:, 0])),
    ("not finite at row", lambda: S.find(X, lambda x: (x[:, 0] - 2).log())),
    ("torch differentiates", lambda: S.find(X, lambda x: x[:, 0].detach())),
    ("Got \\(40, 3\\)", lambda: S.find(X, ew.KAN([2, 3]))),
    ("'error' must be", lambda: S.find(X, Y, error=-1.0)),
    ("'names' must be 2 strings", lambda: S.find(X, Y, names=["a"])),
    ("'names' must differ", lambda: S.find(X, Y, names=["a", "a"])),
    ("0 to 1. Got \\[2\\]", lambda: S.additive(F, [2])),
    ("0 to 1. Got \\[0, 0\\]", lambda: S.additive(F, [0, 0])),
    ("but not all", lambda: S.multiplicative(F, [0, 1])),
    ("at least two", lambda: S.separable(F, [0])),
    ("Make a surrogate first", lambda: S.additive(X, [0])),  # type: ignore[arg-type]
    ("Make a surrogate first", lambda: S.tree(X)),  # type: ignore[arg-type]
    ("0 to 1", lambda: S.translation(F, 0, 7)),
    ("other than 0", lambda: S.power_sum(F, 0, 1, power=1)),
    ("no power", lambda: S.power_sum(S.surrogate(X - 2, lambda x: x[:, 0] * x[:, 1]), 0, 1, power=0.5)),
    ("what structure.tree returns", lambda: S.network(F)),  # type: ignore[arg-type]
    ("what structure.tree returns", lambda: ew.plot.tree(F)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_bad_input_is_refused_in_one_line(number: int) -> None:
    message, call = REFUSED[number]
    with pytest.raises(ew.InputError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_nothing_is_seeded_or_changed() -> None:
    before, x = torch.get_rng_state(), X.clone()
    first, second = S.find(X, Y + X[:, 0] ** 2), S.find(X, Y + X[:, 0] ** 2)
    assert torch.equal(before, torch.get_rng_state()) and torch.equal(x, X)
    assert [one.statistic for one in first] == [one.statistic for one in second]
