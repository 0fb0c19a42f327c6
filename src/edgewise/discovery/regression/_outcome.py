"""How the fit of a stated formula ended."""

import enum


class FitOutcome(enum.Enum):
    """How a fit ended; `message` says what that means and what to try."""

    CONVERGED = "The constants are those of a minimum."
    EXACT = "The formula meets the rows to rounding errors."
    UNDETERMINED = (
        "The rows do not determine all constants: others do as well. Fix one of them as a number in the formula, or "
        "add rows where they differ."
    )
    NOT_CONVERGED = "The fit did not reach a minimum. Give values to start from with 'start', or limits with 'bounds'."

    @property
    def message(self) -> str:
        return self.value
