"""The functions that evaluate curves, in the languages that networks are written in."""

from __future__ import annotations

from edgewise.kernels.rbf.reference import BEYOND, WIDTH

_NUMPY = '''
def {name}(x, knots, pieces, slopes):
    """{what}; straight lines beyond the ends."""
    knots, pieces = np.array(knots), np.array(pieces)
    inside = np.where(x < knots[0], knots[0], np.where(x > knots[-1], knots[-1], x))
{body}
    return y + np.where(x < inside, slopes[0], slopes[1]) * (x - inside)
'''
_C = """
/* {what}; straight lines beyond the ends. */
static double {name}(double x, int cells, int degree, const double *knots, const double *pieces, const double *slopes)
{{
    const double inside = x < knots[0] ? knots[0] : x > knots[cells] ? knots[cells] : x;
    double y = 0.0;
{body}
    return y + (x < inside ? slopes[0] : slopes[1])*(x - inside);
}}
"""
_WHAT = {
    "spline": "Polynomials between the knots, in the distance from the middle of each cell",
    "chebyshev": "Chebyshev polynomials between two knots",
    "rbf": "Gaussians with centres spread evenly between two knots and beyond",
    "fourier": "A constant, cosines and sines, with half a period between two knots",
}
_NUMPY_BODY = {
    "spline": """
    cell = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(pieces) - 1)
    u = inside - (knots[cell] + knots[cell + 1]) / 2
    y = 0.0
    for k in reversed(range(pieces.shape[1])):
        y = y * u + pieces[cell, k]
""",
    "chebyshev": """
    u = (2 * inside - knots[0] - knots[1]) / (knots[1] - knots[0])
    y = after = 0.0
    for c in pieces[0, :0:-1]:
        y, after = 2 * u * y - after + c, y
    y = u * y - after + pieces[0, 0]
""",
    "rbf": f"""
    u = (inside - knots[0]) / (knots[1] - knots[0]) * (pieces.shape[1] - {1 + 2 * BEYOND})
    y = sum(c * np.exp(-(((u - k) / {WIDTH}) ** 2)) for k, c in enumerate(pieces[0], start=-{BEYOND}))
""",
    "fourier": """
    u = np.pi * (inside - knots[0]) / (knots[1] - knots[0])
    waves = zip(pieces[0, 1::2], pieces[0, 2::2])
    y = pieces[0, 0] + sum(a * np.cos(k * u) + b * np.sin(k * u) for k, (a, b) in enumerate(waves, start=1))
""",
}
_C_BODY = {
    "spline": """
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
""",
    "chebyshev": """
    const double u = (2.0*inside - knots[0] - knots[1])/(knots[1] - knots[0]);
    double after = 0.0;
    int k;
    for (k = degree; k > 0; k--) {
        const double next = 2.0*u*y - after + pieces[k];
        after = y;
        y = next;
    }
    y = u*y - after + pieces[0];
""",
    "rbf": f"""
    const double u = (inside - knots[0])/(knots[1] - knots[0])*(degree - {2 * BEYOND});
    int k;
    for (k = 0; k <= degree; k++) {{
        const double z = (u - (k - {BEYOND}))/{WIDTH};
        y += pieces[k]*exp(-z*z);
    }}
""",
    "fourier": """
    const double u = 3.141592653589793*(inside - knots[0])/(knots[1] - knots[0]);
    int k;
    y = pieces[0];
    for (k = 1; 2*k <= degree; k++)
        y += pieces[2*k - 1]*cos(k*u) + pieces[2*k]*sin(k*u);
""",
}

#: kind of curve -> the source of its function
IN_NUMPY, IN_C = (
    {name: frame.format(name=name, what=_WHAT[name], body=body.strip("\n")).strip() for name, body in bodies.items()}
    for frame, bodies in ((_NUMPY, _NUMPY_BODY), (_C, _C_BODY))
)
