"""Laws of growth and decay in time."""

from __future__ import annotations

from edgewise.formulas.forms._form import Form, inputs, linear, number, place, size

_TIME = inputs("t: time")
_AGE = inputs("t: age")

GROWTH = (
    Form(
        "exponential", "A*exp(k*t)", _TIME,
        (linear("A", "y", "value at 0"), size("k", "1/t", "relative rate", positive=False)),
        "growth", "Malthus, An Essay on the Principle of Population (1798)", monotone=True, bits=3.0,
    ),
    Form(
        "exponential approach", "C + A*exp(-k*t)", _TIME,
        (linear("C", "y", "limit"), linear("A", "y", "distance from it at 0"),
         size("k", "1/t", "rate of approach", positive=False)),
        "growth", "Newton, Scala graduum caloris, Phil. Trans. 22 (1701) 824", monotone=True, bits=3.0,
    ),
    Form(
        "growth to a limit", "A*(1 - exp(-k*t))", _TIME,
        (linear("A", "y", "limit"), size("k", "1/t", "rate of approach")),
        "growth", "Mitscherlich, Landwirtsch. Jahrb. 38 (1909) 537", monotone=True, bits=3.0,
    ),
    Form(
        "von Bertalanffy", "Linf*(1 - exp(-K*(t - t0)))", _AGE,
        (linear("Linf", "y", "length without end", positive=True), size("K", "1/t", "growth rate"),
         place("t0", "t", "age of length 0")),
        "growth", "von Bertalanffy, Human Biology 10 (1938) 181", like="exponential approach", monotone=True,
    ),
    Form(
        "von Bertalanffy, weights", "Winf*(1 - exp(-K*(t - t0)))^3", _AGE,
        (linear("Winf", "y", "weight without end", positive=True), size("K", "1/t", "growth rate"),
         place("t0", "t", "age of weight 0")),
        "growth", "von Bertalanffy, Q. Rev. Biol. 32 (1957) 217",
    ),
    Form(
        "Brody", "A - B*exp(-k*t)", _AGE,
        (linear("A", "y", "mature size"), linear("B", "y", "what is missing at 0"), size("k", "1/t", "maturing rate")),
        "growth", "Brody, Bioenergetics and Growth (1945)", like="exponential approach", monotone=True,
    ),
    Form(
        "logistic", "A/(1 + exp(-k*(t - m)))", _TIME,
        (linear("A", "y", "limit"), size("k", "1/t", "relative rate at first", positive=False),
         place("m", "t", "t at half of the limit")),
        "growth", "Verhulst, Corresp. Math. Phys. 10 (1838) 113", monotone=True, bits=3.0,
    ),
    Form(
        "logistic between two levels", "D + A/(1 + exp(-k*(t - m)))", _TIME,
        (linear("D", "y", "level at one end"), linear("A", "y", "height of the step"),
         size("k", "1/t", "steepness"), place("m", "t", "middle of the step")),
        "growth", "Richards, J. Exp. Bot. 10 (1959) 290", monotone=True,
    ),
    Form(
        "Gompertz", "A*exp(-exp(-k*(t - m)))", _TIME,
        (linear("A", "y", "limit"), size("k", "1/t", "rate", positive=False),
         place("m", "t", "t of fastest growth")),
        "growth", "Gompertz, Phil. Trans. R. Soc. 115 (1825) 513; Winsor, PNAS 18 (1932) 1", monotone=True, bits=3.0,
    ),
    Form(
        "Richards", "A/(1 + nu*exp(-k*(t - m)))^(1/nu)", _TIME,
        (linear("A", "y", "limit"), size("k", "1/t", "rate"), place("m", "t", "t of fastest growth"),
         number("nu", "shape: 1 is logistic, near 0 Gompertz", 0.2, 0.6, 1.0, 2.0, 5.0, positive=True)),
        "growth", "Richards, J. Exp. Bot. 10 (1959) 290", monotone=True,
    ),
    Form(
        "Chapman-Richards", "A*(1 - exp(-k*t))^p", _AGE,
        (linear("A", "y", "limit"), size("k", "1/t", "rate"), number("p", "shape", 0.5, 1.5, 3.0, 6.0, positive=True)),
        "growth", "Pienaar and Turnbull, Forest Sci. 19 (1973) 2", {"t": "nonnegative"}, monotone=True,
    ),
    Form(
        "Schumacher", "A*exp(-b/t)", _AGE,
        (linear("A", "y", "limit"), size("b", "t", "twice the t of fastest growth", positive=False)),
        "growth", "Schumacher, J. Forestry 37 (1939) 819", {"t": "positive"}, monotone=True, bits=3.0,
    ),
    Form(
        "Korf", "A*exp(-b*t^(-c))", _AGE,
        (linear("A", "y", "limit"), size("b", "t^1", "scale, of unit t^c"),
         number("c", "shape", 0.3, 0.6, 1.5, 2.5, positive=True)),
        "growth", "Korf, Lesnicka prace 18 (1939) 339", {"t": "positive"}, monotone=True, bits=9.0,
    ),
    Form(
        "Weibull growth", "A*(1 - exp(-(t/b)^c))", _AGE,
        (linear("A", "y", "limit"), size("b", "t", "t at 63 % of the limit"),
         number("c", "shape", 0.5, 1.5, 2.5, 4.0, positive=True)),
        "growth", "Yang, Kozak and Smith, Can. J. For. Res. 8 (1978) 424", {"t": "nonnegative"}, monotone=True,
    ),
    Form(
        "Hossfeld IV", "A*t^c/(b + t^c)", _AGE,
        (linear("A", "y", "limit"), size("b", "t^1", "scale, of unit t^c"), number("c", "shape", 0.7, 1.5, 2.5, 4.0)),
        "growth", "Peschel, Tharandter Forstl. Jahrb. 88 (1938) 169", {"t": "nonnegative"}, like="Hill", monotone=True,
    ),
    Form(
        "Morgan-Mercer-Flodin", "(w0*b + A*t^c)/(b + t^c)", _AGE,
        (linear("w0", "y", "value at 0"), linear("A", "y", "limit"), size("b", "t^1", "scale, of unit t^c"),
         number("c", "shape", 0.7, 1.5, 2.5, 4.0, positive=True)),
        "growth", "Morgan, Mercer and Flodin, PNAS 72 (1975) 4327", {"t": "nonnegative"},
        like="four-parameter logistic", monotone=True,
    ),
    Form(
        "Preece-Baines", "h1 - 2*(h1 - hm)/(exp(s0*(t - m)) + exp(s1*(t - m)))", _AGE,
        (linear("h1", "y", "adult height"), linear("hm", "y", "height at m"),
         size("s0", "1/t", "rate of childhood", 0.1, 0.3, 1.0), size("s1", "1/t", "rate of the spurt", 1.0, 3.0, 10.0),
         place("m", "t", "age of the spurt")),
        "growth", "Preece and Baines, Ann. Hum. Biol. 5 (1978) 1", monotone=True, bits=9.0,
    ),
    Form(
        "Bass", "M*(1 - exp(-(p + q)*t))/(1 + q/p*exp(-(p + q)*t))", _TIME,
        (linear("M", "y", "market", positive=True), size("p", "1/t", "innovation", 0.003, 0.03, 0.3, 1.0),
         size("q", "1/t", "imitation", 0.1, 0.3, 1.0, 3.0, 10.0)),
        "growth", "Bass, Management Sci. 15 (1969) 215", {"t": "nonnegative"}, monotone=True, bits=9.0,
    ),
    Form(
        "Gompertz-Makeham", "c + A*exp(b*t)", _AGE,
        (linear("c", "y", "mortality of all ages"), linear("A", "y", "mortality by age, at 0"),
         size("b", "1/t", "its relative rate")),
        "growth", "Makeham, J. Inst. Actuaries 8 (1860) 301", like="exponential approach", monotone=True,
    ),
    Form(
        "radioactive decay", "N0*2^(-t/T)", _TIME,
        (linear("N0", "y", "value at 0"), size("T", "t", "half-life")),
        "growth", "Rutherford and Soddy, Phil. Mag. 4 (1902) 370", like="exponential", monotone=True,
    ),
)  # fmt: skip
"""Rows; where two are the same function, the later says which it is like."""
