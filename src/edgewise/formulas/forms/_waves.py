"""Waves, resonances and peaks."""

from __future__ import annotations

from edgewise.formulas.forms._form import Form, factor, inputs, linear, number, period, place, size

_X = inputs("x: place, time, energy, ...")
_T = inputs("t: time")


def _harmonics(count: int) -> str:
    return "m + " + " + ".join(f"a{k}*cos({2 * k}*pi*t/P) + b{k}*sin({2 * k}*pi*t/P)" for k in range(1, count + 1))


def _parts(count: int) -> tuple:
    words = ("", ", of half of the period", ", of a third of the period")
    return tuple(
        linear(f"{letter}{k}", "y", f"{what} part{words[k - 1]}")
        for k in range(1, count + 1)
        for letter, what in (("a", "cosine"), ("b", "sine"))
    )


WAVES = (
    Form(
        "wave", _harmonics(1), _T, (linear("m", "y", "mean"), *_parts(1), period("P", "t", "period")),
        "waves", "Bloomfield, Fourier Analysis of Time Series (2000)", bits=3.0,
    ),
    Form(
        "wave with a harmonic", _harmonics(2), _T, (linear("m", "y", "mean"), *_parts(2), period("P", "t", "period")),
        "waves", "Bloomfield, Fourier Analysis of Time Series (2000)",
    ),
    Form(
        "wave with two harmonics", _harmonics(3), _T, (linear("m", "y", "mean"), *_parts(3),
        period("P", "t", "period")),
        "waves", "Bloomfield, Fourier Analysis of Time Series (2000)", bits=9.0,
    ),
    Form(
        "wave and trend", _harmonics(1).replace("m + ", "m + c*t + "), _T,
        (linear("m", "y", "mean at 0"), linear("c", "y/t", "trend"), *_parts(1), period("P", "t", "period")),
        "waves", "Bloomfield, Fourier Analysis of Time Series (2000)",
    ),
    Form(
        "wave with a harmonic, and trend", _harmonics(2).replace("m + ", "m + c*t + d*t^2 + "), _T,
        (linear("m", "y", "mean at 0"), linear("c", "y/t", "trend"), linear("d", "y/t^2", "its change, half"),
         *_parts(2), period("P", "t", "period")),
        "waves", "Keeling et al., Tellus 28 (1976) 538", bits=9.0,
    ),
    Form(
        "damped oscillation", "exp(-k*t)*(a*cos(2*pi*t/P) + b*sin(2*pi*t/P))", _T,
        (linear("a", "y", "cosine part at 0"), linear("b", "y", "sine part at 0"), period("P", "t", "period"),
         size("k", "1/t", "damping", 0.1, 0.5, 2.0, 8.0)),
        "waves", "Landau and Lifshitz, Mechanics (1976)", bits=3.0,
    ),
    Form(
        "damped oscillation about a mean", "m + exp(-k*t)*(a*cos(2*pi*t/P) + b*sin(2*pi*t/P))", _T,
        (linear("m", "y", "mean"), linear("a", "y", "cosine part at 0"), linear("b", "y", "sine part at 0"),
         period("P", "t", "period"), size("k", "1/t", "damping", 0.1, 0.5, 2.0, 8.0)),
        "waves", "Landau and Lifshitz, Mechanics (1976)",
    ),
    Form(
        "resonance", "A/sqrt((w0^2 - w^2)^2 + (g*w)^2)", inputs("w: frequency"),
        (linear("A", "y*w^2", "drive"), place("w0", "w", "own frequency"),
         size("g", "w", "damping", 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)),
        "waves", "Landau and Lifshitz, Mechanics (1976)", {"w": "nonnegative"},
    ),
    Form(
        "Gaussian peak", "A*exp(-((x - m)/s)^2/2)", _X,
        (linear("A", "y", "height"), place("m", "x", "center"), size("s", "x", "standard deviation", *(
            0.01, 0.03, 0.1, 0.3, 1.0))),
        "waves", "Gauss, Theoria motus (1809)", bits=3.0,
    ),
    Form(
        "Gaussian peak with a background", "C + A*exp(-((x - m)/s)^2/2)", _X,
        (linear("C", "y", "background"), linear("A", "y", "height"), place("m", "x", "center"),
         size("s", "x", "standard deviation", 0.01, 0.03, 0.1, 0.3, 1.0)),
        "waves", "Gauss, Theoria motus (1809)",
    ),
    Form(
        "Lorentz peak", "A/(1 + ((x - m)/g)^2)", _X,
        (linear("A", "y", "height"), place("m", "x", "center"),
         size("g", "x", "half width at half height", 0.01, 0.03, 0.1, 0.3, 1.0)),
        "waves", "Lorentz (1906); Breit and Wigner, Phys. Rev. 49 (1936) 519",
    ),
    Form(
        "Lorentz peak with a background", "C + A/(1 + ((x - m)/g)^2)", _X,
        (linear("C", "y", "background"), linear("A", "y", "height"), place("m", "x", "center"),
         size("g", "x", "half width at half height", 0.01, 0.03, 0.1, 0.3, 1.0)),
        "waves", "Lorentz (1906); Breit and Wigner, Phys. Rev. 49 (1936) 519",
    ),
    Form(
        "lognormal curve", "A*exp(-(log(x/m)/s)^2/2)", _X,
        (linear("A", "y", "height"), size("m", "x", "center"), number("s", "width, of logarithms", 0.2, 0.5, 1.0, 2.0)),
        "waves", "Galton (1879); Aitchison and Brown, The Lognormal Distribution (1957)", {"x": "positive"},
    ),
    Form(
        "gamma curve", "A*x^b*exp(-c*x)", _X,
        (factor("A", "y/x^b", "scale"), linear("b", "1", "rise"), linear("c", "1/x", "decline")),
        "waves", "Wood, Nature 216 (1967) 164, for lactation", {"x": "positive"}, solved="log", positive=True,
    ),
    Form(
        "Weibull curve", "A*(x/s)^(k - 1)*exp(-(x/s)^k)", _X,
        (linear("A", "y", "scale"), size("s", "x", "63 % lie below"), number("k", "shape", 0.7, 1.5, 2.0, 3.0, 5.0)),
        "waves", "Weibull, J. Appl. Mech. 18 (1951) 293", {"x": "positive"}, bits=9.0,
    ),
)  # fmt: skip
"""Rows; where two are the same function, one says which it is like."""
