"""How the solving of a differential equation ended."""

from __future__ import annotations

from edgewise._ending import Ending
from edgewise.train import Outcome as Fitted


class Outcome(Ending):
    """How solving ended; `message` says what happened and what to try."""

    CONVERGED = "The estimated error is below the tolerance."
    STALLED = (
        "The estimated error is above the tolerance, and finer splines and shorter slabs no longer lower it: rounding, "
        "or a solution that is not smooth."
    )
    GRIDS_DONE = (
        "All grids were trained, and the estimated error is above the tolerance. Allow finer grids, or more nodes."
    )
    NO_SOLUTION = (
        "What the equation leaves does not fall on finer grids, so there is no solution, or none near what is "
        "returned, which comes nearest to one. Check the signs, and whether conditions contradict each other or the "
        "equation."
    )
    UNDETERMINED = (
        "The equation and its conditions have many solutions, of which one is returned. Add the conditions that are "
        "missing."
    )
    UNRESOLVED = (
        "The residual is not small against the terms of the equation, or does not fall on finer grids, so this is no "
        "solution yet. Use finer grids, more nodes or more steps, continue_in for layers, or pde.march for an equation "
        "in time and one or two coordinates of space."
    )
    OVERFIT = (
        "At fresh points the residual is far above that at the trained ones, so the solution is wrong between them. "
        "Use more points, or a coarser grid."
    )
    EFFORT_SPENT = (
        "The effort was spent before the estimated error fell below the tolerance; the finest solution so far is "
        "returned. Allow more effort, or a larger tolerance."
    )
    DIVERGED = (
        "No solution was found beyond the time that is given; what there is until then is returned. The solution may "
        "not exist any longer, or the problem may not be well posed."
    )
    BRANCH_ENDED = (
        "No solution was found beyond the value of the parameter that was reached, in however small a step. There may "
        "be none, as beyond a fold: hold a size of the solution instead, and make the parameter an unknown constant. "
        "Or it takes more points, another network, or a larger tolerance."
    )
    TIME_LIMIT = "The time limit ended solving early; the finest solution so far is returned. Allow more time to go on."
    STOPPED = "A callback ended solving; the finest solution so far is returned."
    INTERRUPTED = "Solving was interrupted; the finest solution so far is returned."

    @classmethod
    def of(cls, ended: Fitted) -> Outcome:
        """Return the outcome of a run that something from outside ended."""
        return cls[ended.name]
