"""Why a search for equations stopped, and what may be said of what it found."""

from edgewise._ending import Ending


class Outcome(Ending):
    """What may be said of the equations; `message` says what that means and what to try.

    EXACT, NOISE and FLOOR claim their form: no other that was compared is near.
    """

    EXACT = "The equations reproduce the rows to a millionth of their standard deviation, and so do no others compared."
    NOISE = "What the equations leave looks like noise, and no other form that was compared explains the rows as well."
    FLOOR = (
        "The equations are right to the accuracy of the rows: what they leave is small and smooth, as errors of "
        "integration or of smoothing are, and no other form that was compared comes near."
    )
    AMBIGUOUS = (
        "The form is not determined: others (`rivals`) explain the rows about as well, or it has so many terms that "
        "too few others were compared. Try rows from other starts, over a wider range, or with less noise."
    )
    APPROXIMATE = (
        "The equations leave more than noise, or do not forecast the last rows. Try more rows, all states that matter "
        "(with one state, order=2), or measured inputs as states."
    )
    TIME_LIMIT = "The time limit ended the search; the best equations so far are given. Allow more time to go on."
    INTERRUPTED = "The search was interrupted; the best equations so far are given."
