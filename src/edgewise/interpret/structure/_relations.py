"""Symmetries: columns that a function takes in only one way; and all structure at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from edgewise._errors import InputError
from edgewise._typing import Data
from edgewise.interpret.structure._separability import (
    Finding,
    Kind,
    Verdict,
    additive,
    checked,
    finding,
    irrelevant,
    multiplicative,
    separable,
    splits,
)
from edgewise.interpret.structure._surrogate import Function, Surrogate, surrogate
from edgewise.interpret.symmetries import POWERS, Measured, has_power, measured


def translation(f: Surrogate, i: int, j: int) -> Finding:
    """Test whether two columns enter as x_i + a x_j only:  f_j = a f_i.

    Parameters
    ----------
    f
        The surrogate of the function.
    i, j
        The numbers of the two columns, from 0.

    Returns
    -------
    Finding
        Whether it holds; `numbers` has the slope a.

    Raises
    ------
    InputError
        For columns that are equal or that there are not.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> found = ew.structure.translation(ew.structure.surrogate(x, lambda x: torch.exp(x[:, 0] - 2 * x[:, 1])), 0, 1)
    >>> found.holds, round(found.numbers["slope"], 6)
    (True, -2.0)
    """
    return _proportional(f, (i, j), "translation", 1.0)


def scaling(f: Surrogate, i: int, j: int) -> Finding:
    """Test whether two columns enter as x_i x_j^a only:  x_j f_j = a x_i f_i.

    Parameters
    ----------
    f
        The surrogate of the function.
    i, j
        The numbers of the two columns, from 0.

    Returns
    -------
    Finding
        Whether it holds; `numbers` has the exponent a: 1 for a product, -1 for a quotient.

    Raises
    ------
    InputError
        For columns that are equal or that there are not.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> found = ew.structure.scaling(ew.structure.surrogate(x, lambda x: torch.sin(x[:, 0] / x[:, 1])), 0, 1)
    >>> found.sentence
    'f depends on x1 and x2 only through x1/x2'
    """
    return _proportional(f, (i, j), "scaling", 0.0)


def power_sum(f: Surrogate, i: int, j: int, power: float | None = None) -> Finding:
    """Test whether two columns enter as x_i^p + a x_j^p only:  x_i^(p-1) f_j = a x_j^(p-1) f_i.

    Parameters
    ----------
    f
        The surrogate of the function.
    i, j
        The numbers of the two columns, from 0.
    power
        The power p; by default that of 2 (a norm), -1, -2, 3 and 1/2 which fits best. All but 2 and 3 need columns that
        keep off zero, 1/2 positive ones.

    Returns
    -------
    Finding
        Whether it holds; `numbers` has the power p and the factor a.

    Raises
    ------
    InputError
        For columns that are equal or that there are not, a power of 0 or 1, and columns that have no such power.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> ew.structure.power_sum(ew.structure.surrogate(x, lambda x: torch.hypot(x[:, 0], x[:, 1])), 0, 1).sentence
    'f depends on x1 and x2 only through x1^2 + x2^2'
    """
    checked(f, [i, j])
    if power is not None and (isinstance(power, bool | str) or power in (0, 1)):
        raise InputError(f"'power' must be a number other than 0 (see scaling) and 1 (translation). Got {power!r}.")
    tried = POWERS if power is None else (float(power),)
    touches = 1e-3  # a column whose least size is below this share of its largest has no negative powers
    allowed = [p for p in tried if all(has_power(f.x[:, k], p, touches) for k in (i, j))]
    if not allowed:
        raise InputError(f"{f.names[i]} or {f.names[j]} has values that have no power {power!r}.")
    return min((_proportional(f, (i, j), "power_sum", p) for p in allowed), key=lambda found: -found.margin)


def monomial(f: Surrogate, i: int) -> Finding:
    """Test whether a column enters as a factor x_i^p:  x_i f_i = p f.

    Parameters
    ----------
    f
        The surrogate of the function.
    i
        The number of the column, from 0.

    Returns
    -------
    Finding
        Whether it holds; `numbers` has the power p.

    Raises
    ------
    InputError
        For an unknown column.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> ew.structure.monomial(ew.structure.surrogate(x, lambda x: x[:, 0] ** 3 / (1 + x[:, 1])), 0).sentence
    'f = x1^3 g(rest)'
    """
    checked(f, [i])
    power, found = _ratio(f.inner.scaled[:, i], f.inner.values)
    return finding("monomial", [i], found, f"f = {_power(f.names[i], power)} g(rest)", {"power": power})


def exponential(f: Surrogate, i: int) -> Finding:
    """Test whether a column enters as a factor exp(c x_i):  f_i = c f.

    Parameters
    ----------
    f
        The surrogate of the function.
    i
        The number of the column, from 0.

    Returns
    -------
    Finding
        Whether it holds; `numbers` has the rate c.

    Raises
    ------
    InputError
        For an unknown column.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> ew.structure.exponential(ew.structure.surrogate(x, lambda x: x[:, 1] * torch.exp(-2 * x[:, 0])), 0).sentence
    'f = exp(-2 x1) g(rest)'
    """
    checked(f, [i])
    rate, found = _ratio(f.inner.slopes[:, i], f.inner.values)
    return finding("exponential", [i], found, f"f = exp({_times(rate, f.names[i])}) g(rest)", {"rate": rate})


def _proportional(f: Surrogate, pair: tuple[int, int], kind: Kind, power: float) -> Finding:
    """x_i^(p-1) f_j = a x_j^(p-1) f_i: translation for p = 1, scaling for p = 0."""
    checked(f, pair)
    i, j = pair
    g = f.inner
    if power == 0.0:  # without dividing: a column may cross zero
        factor, found = _ratio(g.scaled[:, j], g.scaled[:, i])
    else:
        factor, found = _ratio(g.crossed(i, j, power), g.crossed(j, i, power))
    numbers = {"translation": {"slope": factor}, "scaling": {"power": factor}}.get(
        kind, {"power": power, "factor": factor}
    )
    joined = _joined(f.names[i], f.names[j], power, factor)
    return finding(kind, pair, found, f"f depends on {f.names[i]} and {f.names[j]} only through {joined}", numbers)


def _ratio(left: Tensor, right: Tensor) -> tuple[float, Measured]:
    """The factor a of left = a right, and how nearly that holds.

    It is the ratio of sizes, with the sign of their product, as both may be off.
    """
    known = torch.isfinite(left[:, 0]) & torch.isfinite(right[:, 0])
    a, b = left[known, 0], right[known, 0]
    factor = 0.0
    if len(a):
        size = (a.abs() * b.abs()).sqrt()
        weight = 1 / (size + size.median()).clamp_min(1e-300)
        a, b = weight * a, weight * b
        factor = float(torch.sign(a @ b) * a.norm() / b.norm().clamp_min(1e-300))
    return factor, measured([left, -factor * right])


def _joined(a: str, b: str, power: float, factor: float) -> str:
    """x_i^p + a x_j^p as text, with numbers near whole ones as such."""
    if power == 0.0:
        near, back = round(factor), round(1 / factor) if abs(factor) > 0.01 else 0
        if back and abs(factor) < 0.8 and abs(1 / factor - back) < 0.05:
            return f"{_power(a, back)} {b}" if back > 0 else f"{b}/{_power(a, -back)}"
        if near == 0 or abs(factor - near) > 0.05:
            return f"{a} {b}^{factor:.3g}"
        return f"{a} {_power(b, near)}" if near > 0 else f"{a}/{_power(b, -near)}"
    return f"{_power(a, power)} {'+' if factor > 0 else '-'} {_times(abs(factor), _power(b, power))}"


def _times(factor: float, name: str) -> str:
    if abs(abs(factor) - 1) < 0.02:
        return name if factor > 0 else f"-{name}"
    return f"{factor:.3g} {name}"


def _power(name: str, p: float) -> str:
    near = round(p) if abs(p - round(p)) < 0.02 else p
    return name if near == 1 else f"{name}^{near:.3g}"


@dataclass(frozen=True)
class Findings(Sequence[Finding]):
    """Every structure that was tested. Iterating gives the findings, printing those that hold.

    Parameters
    ----------
    surrogate
        The function that was tested.
    all
        All findings, in the order of the tests.
    """

    surrogate: Surrogate
    all: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, index: int) -> Finding:
        return self.all[index]

    def holding(self, kind: Kind | None = None) -> list[Finding]:
        """Return the findings that hold.

        Parameters
        ----------
        kind
            The kind of structure; None for all kinds.
        """
        return [found for found in self.all if found.holds and kind in (None, found.kind)]

    def get(self, kind: Kind, columns: Sequence[int]) -> Finding | None:
        """Return the finding of a kind about some columns; None if it was not tested.

        Parameters
        ----------
        kind
            The kind of structure.
        columns
            The numbers of the columns, in any order; for "additive" and "multiplicative" those of all others give the
            same.
        """
        n = self.surrogate.n_columns
        asked = frozenset(columns)
        both = {asked, frozenset(range(n)) - asked} if kind in ("additive", "multiplicative") else {asked}
        return next((found for found in self.all if found.kind == kind and frozenset(found.columns) in both), None)

    def __repr__(self) -> str:
        unclear = sum(found.verdict is Verdict.UNCLEAR for found in self.all)
        lines = [found.sentence for found in self.holding()] or ["no structure found"]
        if unclear:
            error = f"{self.surrogate.error:.1g} of the spread"
            lines.append(f"({unclear} of {len(self.all)} tests unclear: the surrogate is off by {error})")
        return "\n".join(lines)


def find(
    x: Data, y: Data | Function, *, error: float = 0.0, names: Sequence[str] | None = None, seed: int = 0
) -> Findings:
    """Test a table, or a function on the rows of x, for every structure that this package knows.

    Of more than six columns that do something only single ones and pairs are tested against the rest. Of two findings
    that exclude each other, as of a product and a quotient of the same columns, the one with the larger statistic
    fails.

    Parameters
    ----------
    x : (n, m)
        The rows: an array, a tensor or a DataFrame.
    y
        Values (n,) or (n, 1) at the rows, or a function of points (n, m), as for `surrogate`.
    error
        The root mean square error of a function over its standard deviation, 0 for an exact one.
    names
        Names of the columns, x1, x2, ... by default.
    seed
        Seed of the surrogate.

    Returns
    -------
    Findings
        All findings; printing shows those that hold.

    Raises
    ------
    InputError
        For values that are not finite or fit together badly, a constant column or target, fewer than 20 rows, a
        function whose result has another shape or cannot be differentiated.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(300, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> ew.structure.find(x, x[:, 0] * torch.sin(x[:, 1] - x[:, 2]))
    f does not depend on x4
    f = x1 g(rest)
    f = g(x1) h(x2, x3, x4)
    f = F(g(x2, x3), x1, x4)
    f depends on x2 and x3 only through x2 - x3
    """
    f = surrogate(x, y, error=error, names=names, seed=seed)
    found = [irrelevant(f, i) for i in range(f.n_columns)]
    live = [i for i, one in enumerate(found) if not one.holds]
    for i in live:
        found += exclusive([monomial(f, i), exponential(f, i)])
    every = len(live) <= 6  # sets of columns are tested against the rest, not only single ones and pairs
    for columns in splits(live, len(live) // 2 if every else 1):
        found += exclusive([additive(f, columns), multiplicative(f, columns)])
    for size in range(2, len(live) if every else 3):
        found += [separable(f, columns) for columns in combinations(live, size)]
    for i, j in combinations(live, 2):
        found += exclusive([translation(f, i, j), scaling(f, i, j), power_sum(f, i, j)])
    return Findings(f, tuple(found))


def exclusive(found: Sequence[Finding]) -> list[Finding]:
    """Return findings of which only one can be true: where one holds, or may, those with a larger statistic fail.

    Parameters
    ----------
    found
        The findings that exclude each other.

    Examples
    --------
    >>> import edgewise as ew
    >>> import torch
    >>> from edgewise.structure import exclusive, scaling, translation
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    >>> f = ew.structure.surrogate(x, lambda x: x[:, 0] / x[:, 1])
    >>> [one.holds for one in exclusive([scaling(f, 0, 1), translation(f, 0, 1)])]
    [True, False]
    """
    least = min((one.statistic for one in found if one.verdict is not Verdict.FAILS), default=math.inf)
    return [
        replace(one, threshold=least, verdict=Verdict.FAILS) if one.holds and one.statistic > least else one
        for one in found
    ]
