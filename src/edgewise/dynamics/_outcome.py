"""Why a search for equations stopped."""

import enum


class Outcome(enum.Enum):
    """Why the search stopped; `message` says what that means and what to try."""

    EXACT = "The equations reproduce the rows to a millionth of their standard deviation."
    NOISE = "What the equations leave looks like noise: a smooth curve through the rows leaves as much."
    APPROXIMATE = (
        "The equations leave more than noise. Try more rows, all states that matter (with one state, order=2), or "
        "measured inputs as states."
    )
    TIME_LIMIT = "The time limit ended the search; the best equations so far are given. Allow more time to go on."
    INTERRUPTED = "The search was interrupted; the best equations so far are given."

    @property
    def message(self) -> str:
        return self.value
