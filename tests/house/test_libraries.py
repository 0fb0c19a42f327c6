"""Own code beside the library that does nearly the same: where both agree, and what only ours does.

The decisions and their reasons: docs/design/libraries.md.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import edgewise as ew
from edgewise.interpret.symmetries import gaussian_process
from edgewise.io import read_table
from edgewise.unsupervised import area

sklearn_processes = pytest.importorskip("sklearn.gaussian_process")


def points(n: int = 120, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return columns and a noisy target of mean 0 and standard deviation 1, and rows whose noise differs."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    uneven = 0.2 + 2 * torch.rand(n, generator=generator, dtype=torch.float64)
    t = torch.sin(u[:, 0]) + 0.3 * u[:, 1] ** 2
    t = t + 0.05 * uneven * torch.randn(n, generator=generator, dtype=torch.float64)
    return u, (t - t.mean()) / t.std(), uneven


def test_the_process_is_that_of_scikit_learn_at_its_scales() -> None:
    """Not replaced: scikit-learn has no gradients, no sample at points asked for later, and no fit of uneven noise."""
    u, t, uneven = points()
    ours = gaussian_process(u, t, uneven, samples=4, seed=0)
    kernel = sklearn_processes.kernels
    scales = ours.scales
    theirs = sklearn_processes.GaussianProcessRegressor(
        kernel.ConstantKernel(scales.amplitude**2) * kernel.RBF(scales.lengths.numpy()),
        alpha=((scales.noise * uneven[ours.kept]) ** 2 + 1e-9 * scales.amplitude**2).numpy(),
        optimizer=None,
    ).fit(ours.rows.numpy(), t[ours.kept].numpy())
    there = torch.randn(50, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    np.testing.assert_allclose(ours.values(there)[:, 0], theirs.predict(there.numpy()), rtol=0, atol=1e-9)

    step = 1e-5
    for i in range(2):
        aside = step * torch.eye(2, dtype=torch.float64)[i]
        slope = (theirs.predict((there + aside).numpy()) - theirs.predict((there - aside).numpy())) / (2 * step)
        np.testing.assert_allclose(ours.slopes(there)[:, i, 0], slope, rtol=0, atol=1e-6)


def test_the_scales_are_more_likely_than_those_of_even_noise() -> None:
    """scikit-learn fits one noise for all rows: where it differs, the likelihood of its best scales is lower."""
    u, t, uneven = points()
    ours = gaussian_process(u, t, uneven, samples=1, seed=0)
    kernel = sklearn_processes.kernels
    theirs = sklearn_processes.GaussianProcessRegressor(
        kernel.ConstantKernel(1.0) * kernel.RBF([2.0, 2.0]) + kernel.WhiteKernel(1e-2), alpha=1e-9
    ).fit(u.numpy(), t.numpy())
    t = t[ours.kept]
    factor = ours.scales.factor(ours.scales.between(ours.rows, ours.rows), uneven[ours.kept])
    likelihood = -0.5 * float(t @ torch.cholesky_solve(t.unsqueeze(1), factor)[:, 0])
    likelihood -= float(factor.diagonal().log().sum()) + len(t) / 2 * np.log(2 * np.pi)
    assert likelihood > theirs.log_marginal_likelihood_value_ + 5


def test_the_area_of_relations_is_that_of_scikit_learn() -> None:
    """Eight lines, and no dependency: scikit-learn takes a second to import."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    real, torn = rng.normal(0.3, 1, 200).round(1), rng.normal(0, 1, 900).round(1)  # with ties
    expected = roc_auc_score(np.repeat([1, 0], [200, 900]), np.concatenate([real, torn]))
    assert area(real, torn) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "ours", "note"),
    [
        ("a;b\n0,200;1\n0,350;2\n", [0.2, 0.35], "decimal signs"),
        ('a,b\n"1,234.5",1\n2.25,2\n', [1234.5, 2.25], "Thousands"),
        ("a\tb\n1'234,5\t1\n2,25\t2\n", [1234.5, 2.25], "decimal signs"),
        ("a;b\n1.500;1\n2,5;2\n", [1500.0, 2.5], "Thousands"),
        ("a,b\nm,kg\n1.5,1\n2.5,2\n", [1.5, 2.5], "Line 2 is taken for units"),
    ],
    ids=["decimal commas", "thousands", "Swiss", "both", "units"],
)
def test_columns_that_pandas_leaves_as_text_are_numbers(text: str, ours: list[float], note: str, tmp_path) -> None:
    """pandas.read_csv takes one decimal and one thousands sign for all columns, and has to be told them."""
    path = tmp_path / "t.csv"
    path.write_text(text)
    theirs = pd.read_csv(path, sep=None, engine="python")
    assert not pd.api.types.is_numeric_dtype(theirs["a"])
    table = read_table(path)
    assert table.columns["a"].tolist() == ours and any(note in line for line in table.notes)


def test_what_can_be_read_in_two_ways_is_told_or_left_out(tmp_path) -> None:
    """With thousands=',' pandas reads 0,200 as 200 and says nothing; here a zero in front rules that out."""
    path = tmp_path / "t.csv"
    path.write_text("a\tb\n0,200\t1,500\n0,350\t2,500\n")
    assert pd.read_csv(path, sep="\t", thousands=",")["a"].tolist() == [200, 350]
    assert read_table(path).columns["a"].tolist() == [0.2, 0.35]
    path.write_text('b\n"1,500"\n"2,500"\n')
    guessed = read_table(path)
    assert guessed.columns["b"].tolist() == [1500.0, 2500.0] and "decimal=','" in guessed.notes[-1]


@pytest.mark.parametrize("bad", [("0", "1", "0"), (True, 0, 1), (0.0, 1, 0)], ids=["texts", "truth value", "float"])
def test_actions_take_no_value_for_another(bad: tuple[object, ...]) -> None:
    """pydantic turns all of these into (0, 1, 0) or the like unless it is strict, and its messages take five lines."""
    pydantic = pytest.importorskip("pydantic")
    assert pydantic.TypeAdapter(tuple[int, int, int]).validate_python(bad)
    action = ew.session.ACTIONS["prune_edge"]
    with pytest.raises(ew.InputError, match=r"An edge is \(layer, j, i\)"):
        action.read((bad,), {})
