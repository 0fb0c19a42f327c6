"""What became of a formula that a person gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgewise.discovery.judging._candidate import Candidate
from edgewise.discovery.judging._contest import SPOKEN
from edgewise.formulas.expressions import Constant


@dataclass(frozen=True)
class Answer:
    """A guess in its own spelling, with its constants by name, and how far the best formula leads it.

    `candidate` is None where the guess is undefined on a row; `lead` is 0 where it is the best formula.
    """

    text: str
    constants: Mapping[str, Constant]
    candidate: Candidate | None
    lead: float = 0.0
    chosen: bool = False

    @property
    def reason(self) -> str:
        """Why the guess is the best formula or not, in one sentence.

        >>> Answer("A*x", {}, None).reason
        'It is undefined on some rows for all constants that were tried.'
        """
        if self.candidate is None:
            return "It is undefined on some rows for all constants that were tried."
        if self.chosen:
            return "It is the best formula."
        if self.lead >= SPOKEN:
            return "The rows speak against it: the best formula explains them better."
        if self.lead > 0:
            return "The rows do not tell it from the best formula, which has a little more evidence."
        return "The rows do not speak against it: the best formula predicts rows left out as well."

    def __str__(self) -> str:
        shown = ", ".join(f"{name} = {constant}" for name, constant in self.constants.items())
        error = "" if self.candidate is None else f"; error {self.candidate.error:.2g}"
        return f"Your guess {self.text}: {shown or 'no constants'}{error}. {self.reason}"
