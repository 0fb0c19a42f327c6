"""Power laws, logarithms, and laws of economics, language and learning."""

from __future__ import annotations

from edgewise.formulas.forms._form import Form, factor, inputs, linear, number, place, size

_X = inputs("x: any size")
_RANK = inputs("r: rank")
_KL = inputs("K: capital", "L: labor")

SOCIETY = (
    Form(
        "power law", "A*x^b", _X,
        (linear("A", "y/x^b", "value at x = 1"),
         number("b", "exponent", -3.0, -1.5, -0.7, -0.2, 0.2, 0.5, 0.75, 1.5, 3.0)),
        "scaling", "Newman, Contemp. Phys. 46 (2005) 323", {"x": "positive"}, monotone=True, generic=True, bits=3.0,
    ),
    Form(
        "allometry", "a*M^b", inputs("M: body mass or size"),
        (linear("a", "y/M^b", "value at M = 1"), number("b", "exponent", 0.25, 0.67, 0.75, 1.0, 2.0, 3.0)),
        "scaling", "Huxley, Nature 114 (1924) 895; Kleiber, Hilgardia 6 (1932) 315", {"M": "positive"},
        like="power law",
        monotone=True,
    ),
    Form(
        "Taylor's law", "a*m^b", inputs("m: mean"),
        (linear("a", "y/m^b", "variance at m = 1"), number("b", "aggregation", 0.7, 1.0, 1.5, 2.0)),
        "scaling", "Taylor, Nature 189 (1961) 732", {"m": "positive"}, like="power law", monotone=True,
    ),
    Form(
        "Zipf", "C*r^(-s)", _RANK,
        (linear("C", "y", "value of rank 1"), number("s", "exponent", 0.5, 1.0, 1.5)),
        "scaling", "Zipf, Human Behavior and the Principle of Least Effort (1949)", {"r": "positive"}, like="power law",
        monotone=True,
    ),
    Form(
        "Zipf-Mandelbrot", "C/(r + q)^s", _RANK,
        (linear("C", "y", "scale"), size("q", "r", "shift"), number("s", "exponent", 0.5, 1.0, 1.5, 3.0)),
        "scaling", "Mandelbrot, in Communication Theory (1953)", {"r": "positive"}, like="n-th order", monotone=True,
    ),
    Form(
        "learning curve", "a*n^(-b)", inputs("n: units made, or trials"),
        (linear("a", "y", "cost of the first unit"), number("b", "learning", 0.1, 0.3, 0.6)),
        "scaling", "Wright, J. Aeronaut. Sci. 3 (1936) 122", {"n": "positive"}, like="power law", monotone=True,
    ),
    Form(
        "power law with an offset", "C + A*x^b", _X,
        (linear("C", "y", "offset"), linear("A", "y/x^b", "scale"),
         number("b", "exponent", -2.0, -1.0, -0.5, 0.3, 0.7, 1.5, 2.5, 4.0)),
        "scaling", "Pieron, Annee psychologique 20 (1914) 30; Herschel and Bulkley (1926)", {"x": "positive"},
        monotone=True, generic=True,
    ),
    Form(
        "logarithmic", "a + b*log(x)", _X, (linear("a", "y", "value at x = 1"),
        linear("b", "y", "rise for each factor e")),
        "scaling", "Fechner, Elemente der Psychophysik (1860)", {"x": "positive"}, monotone=True, generic=True,
    ),
    Form(
        "reciprocal", "a + b/x", _X, (linear("a", "y", "limit"), linear("b", "y*x", "scale")),
        "scaling", "Draper and Smith, Applied Regression Analysis (1998)", {"x": "positive"}, monotone=True,
        generic=True,
    ),
    Form(
        "Bradford", "k*log(1 + r/b)", _RANK, (linear("k", "y", "scale"), size("b", "r", "core")),
        "scaling", "Bradford, Engineering 137 (1934) 85; Leimkuhler (1967)", {"r": "nonnegative"}, like="Elovich",
        monotone=True,
    ),
    Form(
        "Heaps", "K*n^b", inputs("n: words read"),
        (linear("K", "y", "scale"), number("b", "exponent", 0.4, 0.6, 0.8)),
        "scaling", "Heaps, Information Retrieval (1978)", {"n": "positive"}, like="power law", monotone=True,
    ),
    Form(
        "Gutenberg-Richter", "10^(a - b*M)", inputs("M: magnitude"),
        (linear("a", "1", "logarithm at M = 0"), linear("b", "1/M", "b-value")),
        "scaling", "Gutenberg and Richter, Bull. Seismol. Soc. Am. 34 (1944) 185", solved="log", positive=True,
        like="exponential", monotone=True,
    ),
    Form(
        "Working-Leser", "a + b*log(m)", inputs("m: total expenditure"),
        (linear("a", "y", "budget share at m = 1"), linear("b", "y", "its change for each factor e")),
        "economics", "Working, J. Am. Stat. Assoc. 38 (1943) 43; Leser, Econometrica 31 (1963) 694", {"m": "positive"},
        like="logarithmic", monotone=True,
    ),
    Form(
        "Engel, double logarithmic", "a*m^b", inputs("m: income"),
        (linear("a", "y/m^b", "scale"), number("b", "elasticity", 0.3, 0.6, 0.9, 1.3)),
        "economics", "Prais and Houthakker, The Analysis of Family Budgets (1955)", {"m": "positive"}, like="power law",
        monotone=True,
    ),
    Form(
        "Mincer", "b0 + r*S + b1*X + b2*X^2", inputs("S: years of schooling", "X: years of experience"),
        (linear("b0", "y", "constant"), linear("r", "y/S", "return to schooling"),
         linear("b1", "y/X", "return to experience"), linear("b2", "y/X^2", "its decline")),
        "economics", "Mincer, Schooling, Experience and Earnings (1974): of the logarithm of wages", bits=12.0,
    ),
    Form(
        "product of powers", "A*x^a*z^b", inputs("x: any size", "z: any size"),
        (factor("A", "y/(x^a*z^b)", "value at x = z = 1"), linear("a", "1", "exponent of x"),
         linear("b", "1", "exponent of z")),
        "scaling", "Rayleigh, Nature 95 (1915) 66: the principle of similitude", {"x": "positive", "z": "positive"},
        solved="log", positive=True, generic=True, bits=3.0,
    ),
    Form(
        "product of three powers", "A*x^a*z^b*w^c", inputs("x: any size", "z: any size", "w: any size"),
        (factor("A", "y", "value at x = z = w = 1"), linear("a", "1", "exponent of x"),
         linear("b", "1", "exponent of z"), linear("c", "1", "exponent of w")),
        "scaling", "Rayleigh, Nature 95 (1915) 66: the principle of similitude",
        {"x": "positive", "z": "positive", "w": "positive"}, solved="log", positive=True, generic=True,
    ),
    Form(
        "Cobb-Douglas", "A*K^a*L^b", _KL,
        (factor("A", "y/(K^a*L^b)", "productivity"), linear("a", "1", "elasticity of K"),
         linear("b", "1", "elasticity of L")),
        "economics", "Cobb and Douglas, Am. Econ. Rev. 18 (1928) 139", {"K": "positive", "L": "positive"}, solved="log",
        positive=True, like="product of powers",
    ),
    Form(
        "CES", "A*(d*K^(-r) + (1 - d)*L^(-r))^(-v/r)", _KL,
        (linear("A", "y", "productivity"), number("d", "share of K", 0.2, 0.5, 0.8, positive=True),
         number("r", "1/elasticity of substitution - 1", -0.7, -0.3, 0.3, 1.0, 3.0),
         number("v", "returns to scale", 0.7, 1.0, 1.3)),
        "economics", "Arrow, Chenery, Minhas and Solow, Rev. Econ. Stat. 43 (1961) 225",
        {"K": "positive", "L": "positive"}, bits=9.0,
    ),
    Form(
        "gravity model", "G*M^a*N^b/D^c", inputs("M: size of one", "N: size of the other", "D: distance"),
        (factor("G", "y", "scale"), linear("a", "1", "elasticity of M"), linear("b", "1", "elasticity of N"),
         linear("c", "1", "elasticity of distance")),
        "economics", "Tinbergen, Shaping the World Economy (1962)",
        {"M": "positive", "N": "positive", "D": "positive"}, solved="log",
        positive=True, like="product of three powers",
    ),
    Form(
        "Nelson-Siegel", "b0 + b1*(1 - exp(-m/tau))/(m/tau) + b2*((1 - exp(-m/tau))/(m/tau) - exp(-m/tau))",
        inputs("m: maturity"),
        (linear("b0", "y", "long rate"), linear("b1", "y", "short less long rate"), linear("b2", "y", "hump"),
         size("tau", "m", "place of the hump")),
        "economics", "Nelson and Siegel, J. Business 60 (1987) 473", {"m": "positive"},
    ),
    Form(
        "forgetting curve", "a*(1 + b*t)^(-c)", inputs("t: time since learning"),
        (linear("a", "y", "recall at once"), size("b", "1/t", "rate"), number("c", "exponent", 0.1, 0.3, 0.6, 1.0)),
        "psychology", "Ebbinghaus (1885); Wickelgren, Mem. Cognit. 2 (1974) 775", {"t": "nonnegative"},
        like="n-th order",
        monotone=True,
    ),
    Form(
        "Stevens", "k*(I - I0)^a", inputs("I: intensity"),
        (linear("k", "y", "scale"), place("I0", "I", "threshold"), number("a", "exponent", 0.3, 0.6, 1.0, 1.5)),
        "psychology", "Stevens, Psychol. Rev. 64 (1957) 153", like="shifted power law", monotone=True,
    ),
)  # fmt: skip
"""Rows; where two are the same function, one says which it is like."""
