"""Laws of ecology, fisheries, soils and plants."""

from __future__ import annotations

from edgewise.formulas.forms._form import Form, Where, factor, inputs, linear, number, place, size

_N = inputs("N: density of prey")
_A = inputs("A: area")
_I = inputs("I: light")
_SPAWN = inputs("S: spawning stock")
_PM = linear("Pm", "y", "most photosynthesis", positive=True)
_LIGHT: dict[str, Where] = {"I": "nonnegative"}

ECOLOGY = (
    Form(
        "Monod", "mu*S/(K + S)", inputs("S: substrate concentration"),
        (linear("mu", "y", "fastest growth", positive=True), size("K", "S", "S at half of it")),
        "ecology", "Monod, Annu. Rev. Microbiol. 3 (1949) 371", {"S": "nonnegative"}, like="Michaelis-Menten",
        monotone=True,
    ),
    Form(
        "Holling II", "a*N/(1 + a*h*N)", _N,
        (size("a", "y/N", "attack rate"), size("h", "1/y", "handling time")),
        "ecology", "Holling, Can. Entomol. 91 (1959) 385", {"N": "nonnegative"}, like="Michaelis-Menten", monotone=True,
    ),
    Form(
        "Holling III", "c*N^2/(d^2 + N^2)", _N,
        (linear("c", "y", "limit", positive=True), size("d", "N", "N at half of it")),
        "ecology", "Holling, Mem. Entomol. Soc. Can. 45 (1965) 1", {"N": "nonnegative"}, monotone=True,
    ),
    Form(
        "Beverton-Holt", "a*S/(1 + b*S)", _SPAWN,
        (linear("a", "y/S", "recruits for each spawner at first", positive=True),
         size("b", "1/S", "density dependence")),
        "ecology", "Beverton and Holt, On the Dynamics of Exploited Fish Populations (1957)", {"S": "nonnegative"},
        like="Michaelis-Menten", monotone=True,
    ),
    Form(
        "Ricker", "a*S*exp(-b*S)", _SPAWN,
        (linear("a", "y/S", "recruits for each spawner at first"), size("b", "1/S", "density dependence")),
        "ecology", "Ricker, J. Fish. Res. Board Can. 11 (1954) 559", {"S": "nonnegative"},
    ),
    Form(
        "Shepherd", "a*S/(1 + (S/K)^n)", _SPAWN,
        (linear("a", "y/S", "recruits for each spawner at first"), size("K", "S", "threshold"),
         number("n", "compensation", 0.6, 1.5, 2.0, 4.0, positive=True)),
        "ecology", "Shepherd, ICES J. Mar. Sci. 40 (1982) 67", {"S": "nonnegative"}, bits=9.0,
    ),
    Form(
        "species-area, Arrhenius", "c*A^z", _A,
        (linear("c", "y/A^z", "species at A = 1"), number("z", "exponent", 0.1, 0.25, 0.4, 0.8)),
        "ecology", "Arrhenius, J. Ecol. 9 (1921) 95", {"A": "positive"}, like="power law", monotone=True,
    ),
    Form(
        "species-area, Gleason", "a + z*log(A)", _A,
        (linear("a", "y", "species at A = 1"), linear("z", "y", "rise for each factor e")),
        "ecology", "Gleason, Ecology 3 (1922) 158", {"A": "positive"}, like="logarithmic", monotone=True,
    ),
    Form(
        "Smith", "Pm*I/sqrt(Ik^2 + I^2)", _I, (_PM, size("Ik", "I", "light of saturation")),
        "ecology", "Smith, PNAS 22 (1936) 504", _LIGHT, monotone=True,
    ),
    Form(
        "Jassby-Platt", "Pm*tanh(I/Ik)", _I, (_PM, size("Ik", "I", "light of saturation")),
        "ecology", "Jassby and Platt, Limnol. Oceanogr. 21 (1976) 540", _LIGHT, like="hyperbolic tangent",
        monotone=True,
    ),
    Form(
        "Steele", "Pm*I/Io*exp(1 - I/Io)", _I, (_PM, size("Io", "I", "light of most photosynthesis")),
        "ecology", "Steele, Limnol. Oceanogr. 7 (1962) 137", _LIGHT, like="Ricker",
    ),
    Form(
        "Webb", "Pm*(1 - exp(-I/Ik))", _I, (_PM, size("Ik", "I", "light of saturation")),
        "ecology", "Webb, Newton and Starr, Oecologia 17 (1974) 281", _LIGHT, like="growth to a limit", monotone=True,
    ),
    Form(
        "Platt", "Ps*(1 - exp(-a*I))*exp(-b*I)", _I,
        (linear("Ps", "y", "scale", positive=True), size("a", "1/I", "rise"), size("b", "1/I", "inhibition by light")),
        "ecology", "Platt, Gallegos and Harrison, J. Mar. Res. 38 (1980) 687", _LIGHT,
    ),
    Form(
        "nonrectangular hyperbola", "(a*I + Pm - sqrt((a*I + Pm)^2 - 4*q*a*I*Pm))/(2*q)", _I,
        (size("Pm", "y", "most photosynthesis", 0.7, 1.0, 1.5), size("a", "y/I", "slope at 0"),
         number("q", "curvature", 0.3, 0.7, 0.9, positive=True)),
        "ecology", "Thornley, Mathematical Models in Plant Physiology (1976)", _LIGHT, monotone=True, bits=9.0,
    ),
    Form(
        "Briere", "a*T*(T - T0)*sqrt(Tm - T)", inputs("T: temperature"),
        (linear("a", "y", "scale", positive=True), place("T0", "T", "lower threshold"),
         place("Tm", "T", "upper threshold")),
        "ecology", "Briere et al., Environ. Entomol. 28 (1999) 22", {"T": "positive"}, bits=9.0,
    ),
    Form(
        "van Genuchten", "tr + (ts - tr)/(1 + (a*h)^n)^(1 - 1/n)", inputs("h: suction"),
        (linear("tr", "y", "residual water content"), linear("ts", "y", "water content at saturation"),
         size("a", "1/h", "inverse of the entry suction"),
         number("n", "pore sizes", 1.2, 1.5, 2.0, 3.0, 5.0, positive=True)),
        "soils", "van Genuchten, Soil Sci. Soc. Am. J. 44 (1980) 892", {"h": "nonnegative"}, monotone=True, bits=9.0,
    ),
    Form(
        "Horton", "fc + (f0 - fc)*exp(-k*t)", inputs("t: time"),
        (linear("fc", "y", "infiltration in the end"), linear("f0", "y", "infiltration at first"),
         size("k", "1/t", "decay")),
        "soils", "Horton, Soil Sci. Soc. Am. J. 5 (1941) 399", like="exponential approach", monotone=True,
    ),
    Form(
        "Philip", "S*sqrt(t) + A*t", inputs("t: time"),
        (linear("S", "y/t^0.5", "sorptivity"), linear("A", "y/t", "conductivity")),
        "soils", "Philip, Soil Sci. 84 (1957) 257", {"t": "nonnegative"}, bits=9.0,
    ),
    Form(
        "Naslund", "h0 + d^2/(a + b*d)^2", inputs("d: diameter"),
        (linear("h0", "y", "height of the measurement"), size("a", "d/y^0.5", "scale"), size("b", "1/y^0.5", "limit")),
        "ecology", "Naslund, Medd. Statens Skogsforsoksanst. 29 (1936)", {"d": "nonnegative"}, monotone=True, bits=9.0,
    ),
    Form(
        "Schumacher-Hall", "v*d^a*h^b", inputs("d: diameter", "h: height"),
        (factor("v", "y/(d^a*h^b)", "scale"), linear("a", "1", "exponent of d"), linear("b", "1", "exponent of h")),
        "ecology", "Schumacher and Hall, J. Agric. Res. 47 (1933) 719", {"d": "positive", "h": "positive"},
        solved="log",
        positive=True, like="product of powers",
    ),
    Form(
        "beta model", "S*(1 + (r/rc)^2)^(-b)", inputs("r: distance from the center"),
        (linear("S", "y", "value at the center"), size("rc", "r", "core radius"),
         number("b", "slope", 0.5, 1.0, 2.0, 3.5)),
        "astronomy", "King, Astron. J. 67 (1962) 471; Cavaliere and Fusco-Femiano (1976)", {"r": "nonnegative"},
        monotone=True, bits=9.0,
    ),
    Form(
        "Sersic", "exp(a - b*r^(1/n))", inputs("r: distance from the center"),
        (linear("a", "1", "logarithm at the center"), linear("b", "1/r^n", "scale", positive=True),
         number("n", "index: 4 is de Vaucouleurs", 0.7, 1.0, 2.0, 4.0, 6.0, positive=True)),
        "astronomy", "Sersic, Bol. Asoc. Argent. Astron. 6 (1963) 41", {"r": "nonnegative"}, solved="log",
        positive=True,
        like="stretched exponential", monotone=True,
    ),
)  # fmt: skip
"""Rows; where two are the same function, one says which it is like."""
