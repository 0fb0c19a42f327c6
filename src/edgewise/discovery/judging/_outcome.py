"""Why a discovery stopped."""

from edgewise._ending import Ending


class Outcome(Ending):
    """Why discovery stopped; `message` says what that means and what to try."""

    EXACT = "The formula reproduces the data to rounding."
    NOISE = "What is left looks like noise: no other formula and no network predicts held-out rows clearly better."
    AMBIGUOUS = (
        "What is left looks like noise, but the rows do not rule out other forms, so no law is claimed. "
        "Add rows where they differ, or state what you know."
    )
    TOO_FEW_ROWS = (
        "The rows are too few to tell a law from chance, so none is claimed; the best supported formula is given. "
        "Try more rows, of other inputs, or fewer columns."
    )
    UNSEEN = (
        "The formula fits the rows, but between them it has a pole, a jump, or a piece or number that no row tells. "
        "Add rows there, or take a simpler formula of the front."
    )
    APPROXIMATE = (
        "No formula is exact or leaves only noise: the one given is an approximation, chosen by its error on "
        "held-out rows. A greater effort may find a better one."
    )
    TIME_LIMIT = "The time limit ended the search; the best formula so far is given. Allow more time to go on."
    INTERRUPTED = "The search was interrupted; the best formula so far is given."
