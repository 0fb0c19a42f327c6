"""The function that evaluates curves, in the languages that networks are written in."""

from __future__ import annotations

IN_NUMPY = '''def spline(x, knots, pieces, slopes):
    """Polynomials between the knots, in the distance from the middle of each cell; straight lines beyond the ends."""
    knots, pieces = np.array(knots), np.array(pieces)
    inside = np.where(x < knots[0], knots[0], np.where(x > knots[-1], knots[-1], x))
    cell = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(pieces) - 1)
    u = inside - (knots[cell] + knots[cell + 1]) / 2
    y = 0.0
    for k in reversed(range(pieces.shape[1])):
        y = y * u + pieces[cell, k]
    return y + np.where(x < inside, slopes[0], slopes[1]) * (x - inside)'''

IN_C = """\
/* Polynomials between the knots, in the distance from the middle of each cell; straight lines beyond the ends. */
static double spline(double x, int cells, int degree, const double *knots, const double *pieces, const double *slopes)
{
    const double inside = x < knots[0] ? knots[0] : x > knots[cells] ? knots[cells] : x;
    double y = 0.0;
    int low = 0, high = cells, k;
    double u;
    while (high - low > 1) {
        const int middle = (low + high)/2;
        if (inside < knots[middle])
            high = middle;
        else
            low = middle;
    }
    u = inside - (knots[low] + knots[low + 1])/2.0;
    for (k = degree; k >= 0; k--)
        y = y*u + pieces[low*(degree + 1) + k];
    return y + (x < inside ? slopes[0] : slopes[1])*(x - inside);
}"""
