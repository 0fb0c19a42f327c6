"""Laws of kinetics, dose and response, and adsorption."""

from __future__ import annotations

from edgewise.formulas.forms._form import Form, Where, factor, inputs, linear, number, place, size

_S = inputs("S: substrate concentration")
_X = inputs("x: dose or concentration")
_P = inputs("p: pressure or concentration")
_T = inputs("t: time")
_SI = inputs("S: substrate concentration", "I: inhibitor concentration")
_VMAX = linear("Vmax", "y", "rate at saturation", positive=True)
_KM = size("Km", "S", "S at half of Vmax")
_KI = size("Ki", "I", "dissociation constant of the inhibitor")
_NONNEGATIVE: dict[str, Where] = {"S": "nonnegative", "I": "nonnegative"}

KINETICS = (
    Form(
        "Michaelis-Menten", "Vmax*S/(Km + S)", _S, (_VMAX, _KM),
        "kinetics", "Michaelis and Menten, Biochem. Z. 49 (1913) 333", {"S": "nonnegative"}, monotone=True, bits=3.0,
    ),
    Form(
        "Hill", "Vmax*S^n/(K^n + S^n)", _S,
        (linear("Vmax", "y", "value at saturation"), size("K", "S", "S at half of Vmax"),
         number("n", "Hill's exponent", 0.4, 0.7, 1.5, 2.5, 4.0, positive=True)),
        "kinetics", "Hill, J. Physiol. 40 (1910) iv", {"S": "nonnegative"}, monotone=True, bits=3.0,
    ),
    Form(
        "log-logistic", "A/(1 + (x/c)^b)", _X,
        (linear("A", "y", "response at dose 0"), size("c", "x", "dose of half of the effect"),
         number("b", "steepness", 0.6, 1.0, 2.0, 3.0, 5.0, positive=True)),
        "dose", "Finney, Statistical Method in Biological Assay (1978)", {"x": "nonnegative"}, monotone=True, bits=3.0,
    ),
    Form(
        "Haldane", "Vmax*S/(Km + S + S^2/Ki)", _S,
        (_VMAX, _KM, size("Ki", "S", "S of inhibition by the substrate")),
        "kinetics", "Haldane, Enzymes (1930); Andrews, Biotechnol. Bioeng. 10 (1968) 707", {"S": "nonnegative"},
    ),
    Form(
        "Michaelis-Menten with a background", "y0 + Vmax*S/(Km + S)", _S,
        (linear("y0", "y", "value without substrate"), linear("Vmax", "y", "change at saturation"), _KM),
        "kinetics", "Segel, Enzyme Kinetics (1975)", {"S": "nonnegative"}, monotone=True,
    ),
    Form(
        "binding with nonspecific part", "Bmax*S/(Kd + S) + N*S", inputs("S: ligand concentration"),
        (linear("Bmax", "y", "binding at saturation", positive=True), size("Kd", "S", "dissociation constant"),
         linear("N", "y/S", "nonspecific binding")),
        "kinetics", "Hulme, Receptor-Ligand Interactions (1992)", {"S": "nonnegative"},
    ),
    Form(
        "competitive inhibition", "Vmax*S/(Km*(1 + I/Ki) + S)", _SI, (_VMAX, _KM, _KI),
        "kinetics", "Segel, Enzyme Kinetics (1975)", _NONNEGATIVE,
    ),
    Form(
        "uncompetitive inhibition", "Vmax*S/(Km + S*(1 + I/Ki))", _SI, (_VMAX, _KM, _KI),
        "kinetics", "Segel, Enzyme Kinetics (1975)", _NONNEGATIVE,
    ),
    Form(
        "noncompetitive inhibition", "Vmax*S/((Km + S)*(1 + I/Ki))", _SI, (_VMAX, _KM, _KI),
        "kinetics", "Segel, Enzyme Kinetics (1975)", _NONNEGATIVE,
    ),
    Form(
        "mixed inhibition", "Vmax*S/(Km*(1 + I/Ki) + S*(1 + I/Ku))", _SI,
        (_VMAX, _KM, _KI, size("Ku", "I", "the same for the complex")),
        "kinetics", "Segel, Enzyme Kinetics (1975)", _NONNEGATIVE, bits=9.0,
    ),
    Form(
        "ping-pong", "Vmax*A*B/(Kb*A + Ka*B + A*B)", inputs("A: one substrate", "B: the other"),
        (_VMAX, size("Ka", "A", "Michaelis constant of A"), size("Kb", "B", "Michaelis constant of B")),
        "kinetics", "Cleland, Biochim. Biophys. Acta 67 (1963) 104", {"A": "nonnegative", "B": "nonnegative"},
    ),
    Form(
        "first order with a lag", "A*(1 - exp(-k*(t - L)))", _T,
        (linear("A", "y", "amount in the end", positive=True), size("k", "1/t", "rate constant"),
         place("L", "t", "lag")),
        "kinetics", "Marske and Polkowski, J. WPCF 44 (1972) 1987", like="exponential approach", monotone=True,
    ),
    Form(
        "biexponential", "A*exp(-a*t) + B*exp(-b*t)", _T,
        (linear("A", "y", "fast part at 0"), size("a", "1/t", "its rate"),
         linear("B", "y", "slow part at 0"), size("b", "1/t", "its rate")),
        "kinetics", "Gibaldi and Perrier, Pharmacokinetics (1982)", bits=3.0,
    ),
    Form(
        "biexponential with a background", "C + A*exp(-a*t) + B*exp(-b*t)", _T,
        (linear("C", "y", "background"), linear("A", "y", "fast part at 0"), size("a", "1/t", "its rate"),
         linear("B", "y", "slow part at 0"), size("b", "1/t", "its rate")),
        "kinetics", "Bates and Watts, Nonlinear Regression Analysis (1988)",
    ),
    Form(
        "three exponentials", "A*exp(-a*t) + B*exp(-b*t) + C*exp(-c*t)", _T,
        (linear("A", "y", "first part at 0"), size("a", "1/t", "its rate", 3.0, 10.0, 30.0, 100.0),
         linear("B", "y", "second part at 0"), size("b", "1/t", "its rate", 0.3, 1.0, 3.0),
         linear("C", "y", "third part at 0"), size("c", "1/t", "its rate", 0.01, 0.03, 0.1, 0.3)),
        "kinetics", "Lanczos, Applied Analysis (1956)", bits=9.0,
    ),
    Form(
        "Bateman", "A*(exp(-ke*t) - exp(-ka*t))", _T,
        (linear("A", "y", "scale"), size("ke", "1/t", "rate of elimination"), size("ka", "1/t", "rate of absorption")),
        "kinetics", "Bateman, Proc. Camb. Phil. Soc. 15 (1910) 423", {"t": "nonnegative"},
    ),
    Form(
        "second order", "A/(1 + k*t)", _T, (linear("A", "y", "value at 0"),
        size("k", "1/t", "rate at first, relative")),
        "kinetics", "Laidler, Chemical Kinetics (1987)", {"t": "nonnegative"}, monotone=True,
    ),
    Form(
        "n-th order", "A*(1 + b*t)^(-c)", _T,
        (linear("A", "y", "value at 0"), size("b", "1/t", "rate"),
         number("c", "1/(n - 1), or an exponent", 0.4, 0.7, 1.0, 1.5, 2.5, 5.0)),
        "kinetics", "Laidler, Chemical Kinetics (1987)", {"t": "nonnegative"}, monotone=True,
    ),
    Form(
        "first and second order", "A*exp(-k*t)/(1 + b*t)", _T,
        (linear("A", "y", "value at 0"), size("k", "1/t", "rate of first order"), size("b", "1/t", "the other rate")),
        "kinetics", "Laidler, Chemical Kinetics (1987)", {"t": "nonnegative"}, monotone=True, bits=9.0,
    ),
    Form(
        "stretched exponential", "A*exp(-(t/tau)^b)", _T,
        (linear("A", "y", "value at 0"), size("tau", "t", "t at 37 %"),
         number("b", "stretching", 0.25, 0.5, 0.75, 1.5, 3.0, positive=True)),
        "kinetics", "Kohlrausch, Ann. Phys. 91 (1854) 179", {"t": "nonnegative"}, monotone=True,
    ),
    Form(
        "Avrami", "A*(1 - exp(-k*t^n))", _T,
        (linear("A", "y", "amount in the end"), size("k", "1/t^1", "rate, of unit 1/t^n"),
         number("n", "exponent", 0.5, 1.5, 2.5, 4.0, positive=True)),
        "kinetics", "Avrami, J. Chem. Phys. 7 (1939) 1103", {"t": "nonnegative"}, like="Weibull growth", monotone=True,
    ),
    Form(
        "Elovich", "A*log(1 + t/c)", _T, (linear("A", "y", "scale"), size("c", "t", "time scale")),
        "kinetics", "Elovich and Larinov, Izv. Akad. Nauk SSSR 2 (1962) 209", {"t": "nonnegative"}, monotone=True,
    ),
    Form(
        "four-parameter logistic", "D + (A - D)/(1 + (x/c)^b)", _X,
        (linear("A", "y", "response at dose 0"), linear("D", "y", "response at large doses"),
         size("c", "x", "dose of half of the effect"),
         number("b", "steepness", 0.6, 1.0, 2.0, 3.0, 5.0, positive=True)),
        "dose", "Finney, Statistical Method in Biological Assay (1978)", {"x": "nonnegative"}, monotone=True, bits=3.0,
    ),
    Form(
        "five-parameter logistic", "D + (A - D)/(1 + (x/c)^b)^g", _X,
        (linear("A", "y", "response at dose 0"), linear("D", "y", "response at large doses"),
         size("c", "x", "scale of doses"), number("b", "steepness", 0.7, 1.5, 3.0, positive=True),
         number("g", "asymmetry", 0.4, 1.0, 2.5, positive=True)),
        "dose", "Prentice, Biometrics 32 (1976) 761", {"x": "nonnegative"}, monotone=True,
    ),
    Form(
        "Weibull dose-response", "C + D*exp(-(x/e)^b)", _X,
        (linear("C", "y", "response at large doses"), linear("D", "y", "effect"), size("e", "x", "dose at 63 % of it"),
         number("b", "steepness", 0.5, 1.0, 2.0, 3.0, 5.0, positive=True)),
        "dose", "Ritz and Streibig, J. Stat. Software 12 (2005) 5", {"x": "nonnegative"}, monotone=True,
    ),
    Form(
        "Brain-Cousens", "(d + f*x)/(1 + (x/e)^b)", _X,
        (linear("d", "y", "response at dose 0"), linear("f", "y/x", "stimulation at small doses"),
         size("e", "x", "dose scale"), number("b", "steepness", 1.3, 2.0, 3.0, 5.0, positive=True)),
        "dose", "Brain and Cousens, Weed Research 29 (1989) 93", {"x": "nonnegative"}, bits=9.0,
    ),
    Form(
        "logit curve", "1/(1 + exp(-k*(x - m)))", inputs("x: dose, or its logarithm"),
        (size("k", "1/x", "steepness", positive=False), place("m", "x", "x of one half")),
        "dose", "Berkson, J. Am. Stat. Assoc. 39 (1944) 357", monotone=True, bits=3.0,
    ),
    Form(
        "two-parameter log-logistic", "1/(1 + (c/x)^b)", _X,
        (size("c", "x", "dose of one half"),
         number("b", "steepness", 0.6, 1.0, 2.0, 3.0, 5.0, -1.0, -2.0, -4.0)),
        "dose", "Finney, Statistical Method in Biological Assay (1978)", {"x": "nonnegative"}, monotone=True, bits=3.0,
    ),
    Form(
        "probit curve", "(1 + erf((x - m)/(s*sqrt(2))))/2", inputs("x: dose, or its logarithm"),
        (place("m", "x", "x of one half"), size("s", "x", "standard deviation of tolerances", positive=False)),
        "dose", "Bliss, Science 79 (1934) 38", monotone=True,
    ),
    Form(
        "linear-quadratic survival", "S0*exp(-a*D - b*D^2)", inputs("D: dose"),
        (factor("S0", "y", "value at dose 0"), linear("a", "1/D", "single hits"), linear("b", "1/D^2", "double hits")),
        "dose", "Chadwick and Leenhouts, Phys. Med. Biol. 18 (1973) 78", solved="log", positive=True,
    ),
    Form(
        "Langmuir", "qmax*K*p/(1 + K*p)", _P,
        (linear("qmax", "y", "full layer", positive=True), size("K", "1/p", "affinity")),
        "adsorption", "Langmuir, J. Am. Chem. Soc. 40 (1918) 1361", {"p": "nonnegative"}, like="Michaelis-Menten",
        monotone=True,
    ),
    Form(
        "Freundlich", "K*p^m", _P,
        (linear("K", "y/p^m", "amount at p = 1", positive=True), number("m", "exponent, 1/n", 0.2, 0.4, 0.7, 1.3)),
        "adsorption", "Freundlich, Z. phys. Chem. 57 (1906) 385", {"p": "nonnegative"}, like="power law", monotone=True,
    ),
    Form(
        "BET", "qm*C*x/((1 - x)*(1 + (C - 1)*x))", inputs("x: pressure over the saturation pressure"),
        (linear("qm", "y", "one full layer", positive=True),
         number("C", "heat of the first layer", 2.0, 10.0, 50.0, 200.0, positive=True)),
        "adsorption", "Brunauer, Emmett and Teller, J. Am. Chem. Soc. 60 (1938) 309", {"x": "fraction"}, monotone=True,
    ),
    Form(
        "GAB", "qm*C*k*a/((1 - k*a)*(1 - k*a + C*k*a))", inputs("a: water activity"),
        (linear("qm", "y", "one full layer", positive=True),
         number("C", "heat of the first layer", 2.0, 8.0, 30.0, 100.0, positive=True),
         number("k", "heat of the other layers", 0.6, 0.75, 0.85, 0.95, positive=True)),
        "adsorption", "van den Berg and Bruin, in Water Activity (1981)", {"a": "fraction"}, monotone=True,
    ),
    Form(
        "Sips", "qmax*(K*p)^m/(1 + (K*p)^m)", _P,
        (linear("qmax", "y", "full layer", positive=True), size("K", "1/p", "affinity"),
         number("m", "heterogeneity", 0.3, 0.6, 1.0, 1.5, positive=True)),
        "adsorption", "Sips, J. Chem. Phys. 16 (1948) 490", {"p": "nonnegative"}, like="Hill", monotone=True,
    ),
    Form(
        "Toth", "qmax*K*p/(1 + (K*p)^m)^(1/m)", _P,
        (linear("qmax", "y", "full layer", positive=True), size("K", "1/p", "affinity"),
         number("m", "heterogeneity", 0.3, 0.6, 1.5, 3.0, positive=True)),
        "adsorption", "Toth, Acta Chim. Acad. Sci. Hung. 69 (1971) 311", {"p": "nonnegative"}, monotone=True, bits=9.0,
    ),
    Form(
        "Redlich-Peterson", "A*p/(1 + B*p^g)", _P,
        (linear("A", "y/p", "slope at 0", positive=True), size("B", "1/p^1", "scale, of unit 1/p^g"),
         number("g", "exponent", 0.4, 0.7, 0.9, positive=True)),
        "adsorption", "Redlich and Peterson, J. Phys. Chem. 63 (1959) 1024", {"p": "nonnegative"}, bits=9.0,
    ),
    Form(
        "Temkin", "B*log(A*p)", _P, (size("A", "1/p", "affinity"), linear("B", "y", "heat")),
        "adsorption", "Temkin and Pyzhev, Acta Physicochim. URSS 12 (1940) 327", {"p": "positive"}, like="logarithmic",
        monotone=True,
    ),
)  # fmt: skip
"""Rows; where two are the same function, one says which it is like."""
