"""Whether some columns act apart from the rest, and what a test says: statistic, threshold, verdict, a sentence."""

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Literal

import torch
from torch import Tensor

from edgewise._checks import is_int
from edgewise._errors import InputError
from edgewise.interpret.structure._surrogate import Surrogate
from edgewise.interpret.symmetries import Measured, measured

FLOOR = 3e-3
"""Statistics below this count as zero, whatever the error of the surrogate."""
CAP = 0.15
"""A threshold above this cannot tell a structure from its absence."""


Kind = Literal[
    "irrelevant", "additive", "multiplicative", "separable", "combined", "offset_product",
    "translation", "scaling", "power_sum", "monomial", "exponential",
]  # fmt: skip


class Verdict(enum.Enum):
    """Whether a structure is there."""

    HOLDS = "holds"
    FAILS = "fails"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Finding:
    """One tested structure: its kind, the columns it joins, and how sure it is.

    Parameters
    ----------
    kind
        The kind of structure, as the function that tests it is called.
    columns
        The numbers of the columns.
    statistic
        The size of what should vanish over the size of its terms: 0 where the structure holds, near 1 where nothing of
        it is there.
    threshold
        The structure holds at or below this statistic, and fails above.
    verdict
        Whether it holds; unclear where the surrogate is too inaccurate to tell.
    sentence
        The structure in words.
    numbers
        What was fitted, by name: a slope, exponents.
    """

    kind: Kind
    columns: tuple[int, ...]
    statistic: float
    threshold: float
    verdict: Verdict
    sentence: str
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return self.verdict is Verdict.HOLDS

    @property
    def margin(self) -> float:
        """How far the statistic is from the threshold, in decades: positive inside, negative outside."""
        return math.log10(self.threshold / max(self.statistic, 1e-300))

    def __repr__(self) -> str:
        return f"{self.verdict.value}: {self.sentence} ({self.statistic:.1e}, threshold {self.threshold:.1e})"


def judged(found: Measured) -> tuple[Verdict, float]:
    """The verdict on a measured statistic, and its threshold."""
    threshold = max(FLOOR, 3 * found.error)  # what the surrogate's error alone gives, with room
    if found.statistic > threshold:
        return Verdict.FAILS, threshold
    return Verdict.HOLDS if threshold <= CAP else Verdict.UNCLEAR, threshold


def worst(found: Sequence[Measured]) -> Measured:
    """The one that speaks most against the structure: a failure before doubt, doubt before the largest excess."""
    order = (Verdict.HOLDS, Verdict.UNCLEAR, Verdict.FAILS)

    def rank(one: Measured) -> tuple[int, float]:
        verdict, threshold = judged(one)
        return order.index(verdict), one.statistic / threshold

    return max(found, key=rank)


#: share of rows between which a factor must change its sign to be told from a term by that
CROSSES = 0.03


def irrelevant(f: Surrogate, column: int) -> Finding:
    """Test whether a column does nothing:  f(x) = f(x with another row's value of the column).

    The statistic is the root mean square of the change over the standard deviation of f.

    Parameters
    ----------
    f
        The surrogate of the function.
    column
        The number of the column, from 0.

    Raises
    ------
    InputError
        For an unknown column.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> f = ew.structure.surrogate(x, lambda x: torch.sin(3 * x[:, 0]))
    >>> ew.structure.irrelevant(f, 1)
    holds: f does not depend on x2 (0.0e+00, threshold 3.0e-03)
    """
    (column,) = checked(f, [column])
    there, other = _pairs(f)
    change = f.inner.values - f.values(_swapped(there, other, [column]))
    size = torch.full_like(change[:, 0], f.spread)
    return finding("irrelevant", [column], measured([change], size), f"f does not depend on {f.names[column]}")


def additive(f: Surrogate, columns: Sequence[int]) -> Finding:
    """Test whether f = g(columns) + h(rest):  f(s, r) - f(s', r) = f(s, r') - f(s', r').

    The statistic is the root mean square of the difference of both sides over the sum of their sizes, or over that of
    what r changes, if that is less.

    Parameters
    ----------
    f
        The surrogate of the function.
    columns
        The numbers of some of the columns, not all.

    Raises
    ------
    InputError
        For columns that there are not, and for all or none of them.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> ew.structure.additive(ew.structure.surrogate(x, lambda x: x[:, 0] + x[:, 1] ** 2), [0]).holds
    True
    """
    columns = split(f, columns)
    a, b, c, d = _corners(f, columns, f.values, f.inner.values)
    found = worst([measured([a - b, d - c]), measured([a - c, d - b])])
    return finding("additive", columns, found, f"f = g({listed(f, columns)}) + h({rest(f, columns)})")


def multiplicative(f: Surrogate, columns: Sequence[int]) -> Finding:
    """Test whether f = g(columns) h(rest):  f(s, r) f(s', r') = f(s', r) f(s, r').

    With A = f(s, r) - f(s', r), B = f(s, r) - f(s, r') and the mixed difference D, that is f D = A B: the statistic is
    the difference over the sizes of both sides, so that it does not get small where f hardly varies.

    Parameters
    ----------
    f
        The surrogate of the function.
    columns
        The numbers of some of the columns, not all.

    Raises
    ------
    InputError
        For columns that there are not, and for all or none of them.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> ew.structure.multiplicative(ew.structure.surrogate(x, lambda x: x[:, 0] * torch.exp(x[:, 1])), [0]).holds
    True
    """
    columns = split(f, columns)
    a, b, c, d = _corners(f, columns, f.values, f.inner.values)
    found = measured([a * (a - b - c + d), -(a - b) * (a - c)])
    return finding("multiplicative", columns, found, f"f = g({listed(f, columns)}) h({rest(f, columns)})")


def separable(f: Surrogate, columns: Sequence[int]) -> Finding:
    """Test whether f = F(g(columns), rest): the ratios of f's slopes by the columns do not depend on the rest.

    f_i(s, r) f_j(s, r') = f_j(s, r) f_i(s, r')  for each two of the columns; the statistic is the worst pair's.

    Parameters
    ----------
    f
        The surrogate of the function.
    columns
        The numbers of two or more of the columns, not all.

    Raises
    ------
    InputError
        For columns that there are not, for all of them, and for fewer than two.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> law = lambda x: torch.sin(x[:, 0] * x[:, 1] + x[:, 2])
    >>> ew.structure.separable(ew.structure.surrogate(x, law), [0, 1]).holds
    True
    """
    columns = split(f, columns)
    if len(columns) < 2:
        raise InputError(f"Any single column is separable: name at least two. Got {columns!r}.")
    there, other = _pairs(f)
    found = worst(_parallel(f.inner.slopes, f.slopes(_swapped(other, there, columns)), columns))
    return finding("separable", columns, found, f"f = F(g({listed(f, columns)}), {rest(f, columns)})")


def combined(f: Surrogate, columns: Sequence[int]) -> Finding:
    """Test whether f = F(g(columns) + h(rest)) or F(g(columns) h(rest)).

    Then both sides are separable, and f_i / f_j = a(s) b(r) for i among the columns and j among the rest: at four
    corners f_i(s, r) f_i(s', r') f_j(s', r) f_j(s, r') = f_j(s, r) f_j(s', r') f_i(s', r) f_i(s, r').

    Parameters
    ----------
    f
        The surrogate of the function.
    columns
        The numbers of some of the columns, not all.

    Returns
    -------
    Finding
        Whether it holds; the number "crossing" is the share of rows between which g or h of a product changes its sign,
        so that no sum can do the same.

    Raises
    ------
    InputError
        For columns that there are not, and for all or none of them.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> law = lambda x: torch.tanh(x[:, 0] + torch.exp(x[:, 1]))
    >>> ew.structure.combined(ew.structure.surrogate(x, law), [0]).holds
    True
    """
    columns, others, (a, b, c, d), found = _apart(f, columns)
    crossing = 0.0
    for i, j in product(columns, others):
        left, right = a[:, i] * d[:, i] * b[:, j] * c[:, j], a[:, j] * d[:, j] * b[:, i] * c[:, i]
        found.append(measured([left, -right]))
        crossing = max(crossing, _crossing(a, c, i, j), _crossing(a, b, j, i))
    sentence = f"f = F(g({listed(f, columns)}) {'*' if crossing > CROSSES else '+'} h({rest(f, columns)}))"
    return finding("combined", columns, worst(found), sentence, {"crossing": crossing})


def offset_product(f: Surrogate, columns: Sequence[int]) -> Finding:
    """Test whether f = k + g(columns) h(rest) with any constant k.

    Then both sides are separable, and the slopes by each column are such products: f_i(s, r) f_i(s', r') =
    f_i(s', r) f_i(s, r').

    Parameters
    ----------
    f
        The surrogate of the function.
    columns
        The numbers of some of the columns, not all.

    Raises
    ------
    InputError
        For columns that there are not, and for all or none of them.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> f = ew.structure.surrogate(x, lambda x: 3 + x[:, 0] * torch.exp(x[:, 1]))
    >>> ew.structure.offset_product(f, [0]).holds, ew.structure.multiplicative(f, [0]).holds
    (True, False)
    """
    columns, _, (a, b, c, d), found = _apart(f, columns)
    found += [measured([a[:, i] * d[:, i], -b[:, i] * c[:, i]]) for i in range(f.n_columns)]
    sentence = f"f = k + g({listed(f, columns)}) h({rest(f, columns)})"
    return finding("offset_product", columns, worst(found), sentence)


def finding(
    kind: Kind, columns: Sequence[int], found: Measured, sentence: str, numbers: dict[str, float] | None = None
) -> Finding:
    """The finding that a measurement makes."""
    verdict, threshold = judged(found)
    return Finding(kind, tuple(columns), found.statistic, threshold, verdict, sentence, numbers or {})


def checked(f: Surrogate, columns: Sequence[int]) -> list[int]:
    """The columns in order, or an error that says which there are."""
    if not isinstance(f, Surrogate):
        raise InputError(f"Make a surrogate first: structure.surrogate(x, y). Got {type(f).__name__}.")
    good = isinstance(columns, list | tuple) and all(is_int(c, 0, f.n_columns - 1) for c in columns)
    if not good or len(set(columns)) < len(columns):
        raise InputError(f"Columns must be different numbers from 0 to {f.n_columns - 1}. Got {columns!r}.")
    return sorted(map(int, columns))


def split(f: Surrogate, columns: Sequence[int]) -> list[int]:
    """The columns in order if they are some but not all."""
    ordered = checked(f, columns)
    if not 0 < len(ordered) < f.n_columns:
        raise InputError(f"Name some of the {f.n_columns} columns, but not all. Got {columns!r}.")
    return ordered


def splits(columns: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Sets of up to `most` columns to be tested against the rest, each split in two once."""
    for size in range(1, most + 1):
        for part in combinations(columns, size):
            if 2 * size < len(columns) or part[0] == columns[0]:
                yield part


def listed(f: Surrogate, columns: Sequence[int]) -> str:
    return ", ".join(f.names[c] for c in columns)


def rest(f: Surrogate, columns: Sequence[int]) -> str:
    """The other columns as text, as "rest" if they are many."""
    others = [c for c in range(f.n_columns) if c not in columns]
    return listed(f, others) if len(others) <= 4 else "rest"


def _pairs(f: Surrogate) -> tuple[Tensor, Tensor]:
    """Inner rows, each with another one."""
    there = f.inner.points
    return there, there.roll(len(there) // 2, dims=0)


def _swapped(points: Tensor, other: Tensor, columns: Sequence[int]) -> Tensor:
    """The points with some columns of the other points."""
    mixed = points.clone()
    mixed[:, list(columns)] = other[:, list(columns)]
    return mixed


def _corners(f: Surrogate, columns: Sequence[int], of: Callable[[Tensor], Tensor], here: Tensor) -> list[Tensor]:
    """Values or gradients at (s, r), (s', r), (s, r') and (s', r'), from those at the inner rows."""
    there, other = _pairs(f)
    mixed = [of(_swapped(there, other, columns)), of(_swapped(other, there, columns))]
    return [here, *mixed, here.roll(len(there) // 2, dims=0)]


def _apart(f: Surrogate, columns: Sequence[int]) -> tuple[list[int], list[int], list[Tensor], list[Measured]]:
    """Columns, the others, slopes at the four corners, and whether each side acts through one function."""
    columns = split(f, columns)
    others = [k for k in range(f.n_columns) if k not in columns]
    a, b, c, d = _corners(f, columns, f.slopes, f.inner.slopes)
    return columns, others, [a, b, c, d], _parallel(a, c, columns) + _parallel(a, b, others)


def _parallel(a: Tensor, b: Tensor, columns: Sequence[int]) -> list[Measured]:
    """Whether slopes a by the columns have the same ratios as slopes b."""
    return [measured([a[:, i] * b[:, k], -a[:, k] * b[:, i]]) for i, k in combinations(columns, 2)]


def _crossing(here: Tensor, there: Tensor, i: int, j: int) -> float:
    """The share of pairs between which the slope by i changes its sign, and that by j does not."""
    change = here[:, :, 0] * there[:, :, 0]
    return float(((change[:, i] < 0) & (change[:, j] > 0)).to(change.dtype).mean())
