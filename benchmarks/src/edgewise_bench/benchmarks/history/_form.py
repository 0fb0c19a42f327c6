"""The accepted laws, and whether a formula has the form of one."""

from edgewise._typing import Part
from edgewise_bench.benchmarks.formulas import of_form, with_parameters
from edgewise_bench.datasets import HistoricalTable


def half_of(law: HistoricalTable) -> str:
    """Return the half that a law belongs to.

    >>> from edgewise_bench.datasets import history
    >>> [half_of(law) for law in history()].count("held")
    5
    """
    return "held" if law.held else "development"


def accepted(law: HistoricalTable) -> Part:
    """Return the accepted law with its parameters by least squares.

    >>> from edgewise_bench.datasets import history
    >>> accepted(next(law for law in history() if law.name == "boyle"))
    1406.90404/V
    """
    return with_parameters(law.formula, law.names, law.parameters)


def has_form(formula: Part, law: HistoricalTable) -> bool:
    """Return whether a formula is the law but for the values of its constants.

    >>> from edgewise_bench.datasets import history
    >>> boyle = next(law for law in history() if law.name == "boyle")
    >>> import sympy
    >>> v = sympy.Symbol("V")
    >>> has_form(1400.0 / v, boyle), has_form(1400.0 / v + 0.1 * v, boyle)
    (True, False)
    """
    return of_form(formula, accepted(law), law.names, law.x)
