"""What results with written equations share: formulas, constants, a table, LaTeX and Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewise._extras import needed
from edgewise._typing import Formula
from edgewise.dynamics._equations import Constant, Equations

if TYPE_CHECKING:
    import pandas as pd


class Written:
    """A result whose equations are `written`, one for each of `names`."""

    names: tuple[str, ...]
    written: Equations

    @property
    def equations(self) -> dict[str, Formula]:
        return self.written.numbers

    @property
    def forms(self) -> dict[str, Formula]:
        """The equations with symbols for the constants."""
        return dict(zip(self.names, self.written.forms, strict=True))

    @property
    def constants(self) -> dict[str, Constant]:
        """The constants by name, with standard errors and 95 % intervals."""
        return {c.name: c for c in self.written.constants}

    def frame(self) -> pd.DataFrame:
        """Return the constants as a table."""
        pd = needed("pandas")

        rows = [(c.name, c.value, c.error, *c.interval) for c in self.written.constants]
        return pd.DataFrame(rows, columns=["constant", "value", "error", "low", "high"])

    def to_python(self, function: str = "rates") -> str:
        """Return the source of a Python function that returns the rates; it needs NumPy only.

        Its arguments are the time and the states, or the components of a field and their derivatives.

        Parameters
        ----------
        function
            The name of the function.
        """
        return self.written.python(function)

    def latex(self) -> str:
        """Return the equations in LaTeX."""
        return self.written.latex()

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"
