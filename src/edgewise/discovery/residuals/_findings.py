"""What was found in residuals, with sentences about it."""

from dataclasses import dataclass

from edgewise.discovery.residuals._serial import Correlation

_NAMED = 5  # outliers that a sentence names


@dataclass(frozen=True)
class Findings:
    """What the tests of residuals found; an empty tuple or None stands for nothing.

    order: correlation of neighboring rows, as they stand in the table, if it is not chance. depends: inputs along
    which residuals still vary. jointly: whether they depend on products of inputs. groups: the fraction of the
    residuals' variance that lies between groups, if it is not chance. varies: what the size of the residuals depends
    on. outliers: numbers of rows far from the formula. tested: the tests that the rows allowed, in words.
    """

    order: Correlation | None = None
    depends: tuple[str, ...] = ()
    jointly: bool = False
    groups: float | None = None
    varies: tuple[str, ...] = ()
    outliers: tuple[int, ...] = ()
    tested: tuple[str, ...] = ()

    @property
    def misfit(self) -> bool:
        """Whether the residuals depend on the inputs, so that the form is wrong."""
        return bool(self.depends) or self.jointly

    @property
    def dependent(self) -> bool:
        """Whether rows are not independent, so that standard errors for independent rows are too small."""
        return self.order is not None or self.groups is not None

    def sentences(self) -> list[str]:
        """Return what was found, a sentence for each finding, or one that says what was tested without a finding.

        >>> print(*Findings(order=Correlation(0.8, 1e-9, 90), outliers=(3, 7)).sentences(), sep="\\n")
        Neighboring rows are correlated (0.80): standard errors for independent rows are too small by a factor of 3.0.
        Rows far from the formula: 3, 7.
        >>> print(*Findings(tested=("order of rows", "x")).sentences())
        Residuals show no dependence on: order of rows, x.
        """
        found = []
        if self.depends:
            found.append(f"Residuals still depend on {_listed(self.depends)}.")
        elif self.jointly:
            found.append("Residuals still depend on products of the inputs.")
        if self.order is not None:
            found.append(
                f"Neighboring rows are correlated ({self.order.rho:.2f}): standard errors for independent rows are "
                f"too small by a factor of {self.order.inflation:.1f}."
            )
        if self.groups is not None:
            found.append(f"Groups differ: {self.groups:.0%} of the variance of the residuals lies between them.")
        if self.varies:
            found.append(f"The size of the residuals varies with {_listed(self.varies)}.")
        if self.outliers:
            more = len(self.outliers) - _NAMED
            rows = ", ".join(map(str, self.outliers[:_NAMED])) + (f" and {more} more" if more > 0 else "")
            found.append(f"Rows far from the formula: {rows}.")
        if not found and self.tested:
            found.append(f"Residuals show no dependence on: {', '.join(self.tested)}.")
        return found


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
