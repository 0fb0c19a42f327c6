"""Laws of matter: heat, electricity, optics, forces between atoms."""

from __future__ import annotations

from edgewise.formulas.forms._form import Form, Where, factor, inputs, linear, number, place, size

_T = inputs("T: absolute temperature")
_WAVE = inputs("L: wavelength")
_R = inputs("r: distance")
_POSITIVE_T: dict[str, Where] = {"T": "positive"}

PHYSICS = (
    Form(
        "Arrhenius", "A*exp(-B/T)", _T,
        (linear("A", "y", "value without a barrier"), size("B", "T", "energy of activation over k", positive=False)),
        "physics", "Arrhenius, Z. phys. Chem. 4 (1889) 226", _POSITIVE_T, like="Schumacher", monotone=True,
    ),
    Form(
        "Arrhenius, logarithm", "a - B/T", _T,
        (linear("a", "y", "value without a barrier"), linear("B", "y*T", "energy of activation over k")),
        "physics", "Arrhenius, Z. phys. Chem. 4 (1889) 226; Clausius-Clapeyron", _POSITIVE_T, like="reciprocal",
        monotone=True,
    ),
    Form(
        "modified Arrhenius", "A*T^n*exp(-B/T)", _T,
        (factor("A", "y/T^n", "scale"), linear("n", "1", "exponent"), linear("B", "T", "energy of activation over k")),
        "physics", "Laidler, Pure Appl. Chem. 68 (1996) 149", _POSITIVE_T, solved="log", positive=True, bits=9.0,
    ),
    Form(
        "Vogel", "A*exp(B/(T - T0))", _T,
        (factor("A", "y", "value at high temperature"), linear("B", "T", "strength"),
         place("T0", "T", "Vogel temperature")),
        "physics", "Vogel, Phys. Z. 22 (1921) 645; Fulcher (1925); Tammann and Hesse (1926)", solved="log",
        positive=True, bits=3.0,
    ),
    Form(
        "Antoine", "exp(A - B/(C + T))", inputs("T: temperature, of any zero"),
        (linear("A", "1", "logarithm at high temperature"), linear("B", "T", "strength"),
         place("C", "T", "shift of the temperature")),
        "physics", "Antoine, C. R. Acad. Sci. 107 (1888) 681", solved="log", positive=True, like="Vogel",
    ),
    Form(
        "Antoine, logarithm", "A - B/(C + T)", inputs("T: temperature, of any zero"),
        (linear("A", "y", "value at high temperature"), linear("B", "y*T", "strength"), place("C", "T", "shift")),
        "physics", "Antoine, C. R. Acad. Sci. 107 (1888) 681", like="shifted hyperbola",
    ),
    Form(
        "Magnus", "A*exp(b*T/(c + T))", inputs("T: temperature in degrees Celsius"),
        (linear("A", "y", "vapor pressure at 0"), number("b", "strength", 5.0, 10.0, 17.0, 22.0),
         size("c", "T", "shift of the temperature")),
        "physics", "Magnus, Ann. Phys. 61 (1844) 225", like="Vogel",
    ),
    Form(
        "Wagner", "(a*(1 - Tr) + b*(1 - Tr)^(3/2) + c*(1 - Tr)^(5/2) + d*(1 - Tr)^5)/Tr",
        inputs("Tr: temperature over the critical one"),
        tuple(linear(name, "y", f"coefficient of (1 - Tr)^{power}") for name, power in
              (("a", "1"), ("b", "1.5"), ("c", "2.5"), ("d", "5"))),
        "physics", "Wagner, Cryogenics 13 (1973) 470: of the logarithm of p over the critical pressure",
        {"Tr": "fraction"}, bits=9.0,
    ),
    Form(
        "Shomate", "A + B*T + C*T^2 + D*T^3 + E/T^2", _T,
        (linear("A", "y", "constant"), linear("B", "y/T", "of T"), linear("C", "y/T^2", "of T^2"),
         linear("D", "y/T^3", "of T^3"), linear("E", "y*T^2", "of 1/T^2")),
        "physics", "Shomate, J. Phys. Chem. 58 (1954) 368", _POSITIVE_T, bits=9.0,
    ),
    Form(
        "Einstein heat capacity", "A*(theta/T)^2*exp(-theta/T)/(1 - exp(-theta/T))^2", _T,
        (linear("A", "y", "limit at high temperature"), size("theta", "T", "Einstein temperature")),
        "physics", "Einstein, Ann. Phys. 22 (1907) 180", _POSITIVE_T, monotone=True,
    ),
    Form(
        "Schottky anomaly", "A*(D/T)^2*exp(-D/T)/(1 + exp(-D/T))^2", _T,
        (linear("A", "y", "scale"), size("D", "T", "distance of the levels over k")),
        "physics", "Schottky, Phys. Z. 23 (1922) 448", _POSITIVE_T, bits=9.0,
    ),
    Form(
        "Debye low-temperature heat capacity", "g*T + b*T^3", _T,
        (linear("g", "y/T", "of the electrons"), linear("b", "y/T^3", "of the lattice")),
        "physics", "Debye, Ann. Phys. 39 (1912) 789; Sommerfeld (1928)", _POSITIVE_T, bits=9.0,
    ),
    Form(
        "Stefan-Boltzmann", "s*T^4 + c", _T,
        (linear("s", "y/T^4", "emissivity times area times the constant"), linear("c", "y", "from the surroundings")),
        "physics", "Stefan (1879); Boltzmann, Ann. Phys. 22 (1884) 291", _POSITIVE_T, monotone=True, bits=9.0,
    ),
    Form(
        "Planck, wavelengths", "A/(L^5*(exp(b/L) - 1))", _WAVE,
        (linear("A", "y*L^5", "scale"), size("b", "L", "h c/(k T)")),
        "physics", "Planck, Ann. Phys. 4 (1901) 553", {"L": "positive"},
    ),
    Form(
        "Planck, frequencies", "A*f^3/(exp(f/b) - 1)", inputs("f: frequency or wavenumber"),
        (linear("A", "y/f^3", "scale"), size("b", "f", "k T/h, in units of f")),
        "physics", "Planck, Ann. Phys. 4 (1901) 553", {"f": "positive"},
    ),
    Form(
        "Richardson", "A*T^2*exp(-W/T)", _T,
        (linear("A", "y/T^2", "scale"), size("W", "T", "work function over k")),
        "physics", "Richardson, Phil. Mag. 28 (1914) 633", _POSITIVE_T,
    ),
    Form(
        "Sutherland", "A*T^(3/2)/(T + S)", _T,
        (linear("A", "y/T^0.5", "scale"), size("S", "T", "Sutherland's constant")),
        "physics", "Sutherland, Phil. Mag. 36 (1893) 507", _POSITIVE_T, monotone=True, bits=9.0,
    ),
    Form(
        "Guggenheim-Katayama", "A*(1 - T/Tc)^n", _T,
        (linear("A", "y", "value at 0"), size("Tc", "T", "critical temperature"),
         number("n", "exponent", 0.33, 0.5, 1.0, 1.22, 2.0, positive=True)),
        "physics", "Guggenheim, J. Chem. Phys. 13 (1945) 253", _POSITIVE_T, like="power law to an end",
    ),
    Form(
        "power law to an end", "A*(B - x)^n", inputs("x: any"),
        (linear("A", "y/x^n", "scale"), place("B", "x", "end"), number("n", "exponent", 0.33, 0.5, 1.25, 2.0, 3.0)),
        "physics", "Stanley, Introduction to Phase Transitions (1971)", monotone=True, bits=9.0,
    ),
    Form(
        "shifted power law", "A*(x - B)^n", inputs("x: any"),
        (linear("A", "y/x^n", "scale"), place("B", "x", "beginning"),
         number("n", "exponent", -2.0, -1.0, -0.5, 0.5, 1.5, 2.5)),
        "physics", "Omori (1894) and Utsu (1961) for aftershocks; rating curves of rivers", monotone=True,
    ),
    Form(
        "shifted hyperbola", "a + b/(x - c)", inputs("x: any"),
        (linear("a", "y", "limit"), linear("b", "y*x", "scale"), place("c", "x", "pole")),
        "physics", "Draper and Smith, Applied Regression Analysis (1998)",
    ),
    Form(
        "Curie-Weiss", "C/(T - Tc)", _T, (linear("C", "y*T", "Curie's constant"),
        place("Tc", "T", "Curie temperature")),
        "physics", "Weiss, J. Phys. 6 (1907) 661",
    ),
    Form(
        "Stormer viscometer", "b*v/(W - c)", inputs("v: viscosity", "W: weight"),
        (linear("b", "y*W/v", "of the instrument"), place("c", "W", "weight against friction")),
        "physics", "Williams, Regression Analysis (1959)",
    ),
    Form(
        "Moseley", "a*(Z - s)^2", inputs("Z: atomic number"),
        (linear("a", "y", "energy scale"), place("s", "Z", "screening")),
        "physics", "Moseley, Phil. Mag. 26 (1913) 1024", like="shifted square",
    ),
    Form(
        "shifted square", "a*(x - b)^2", inputs("x: any"), (linear("a", "y/x^2", "scale"), place("b", "x", "zero")),
        "physics", "Torricelli, De motu gravium (1644), for water that runs out; Ratkowsky et al. (1982)", generic=True,
    ),
    Form(
        "Sellmeier, one term", "sqrt(1 + B*L^2/(L^2 - C))", _WAVE,
        (linear("B", "1", "strength"), size("C", "L^2", "resonance, squared", 0.003, 0.01, 0.03, 0.1, 0.3)),
        "optics", "Sellmeier, Ann. Phys. 143 (1871) 272", {"L": "positive"}, solved="square", positive=True,
    ),
    Form(
        "Sellmeier, two terms", "sqrt(1 + B1*L^2/(L^2 - C1) + B2*L^2/(L^2 - C2))", _WAVE,
        (linear("B1", "1", "strength"), size("C1", "L^2", "resonance, squared", 0.003, 0.01, 0.03, 0.1, 0.3),
         linear("B2", "1", "strength"), size("C2", "L^2", "resonance, squared", 30.0, 100.0, 300.0, 1000.0)),
        "optics", "Sellmeier, Ann. Phys. 143 (1871) 272", {"L": "positive"}, solved="square", positive=True,
    ),
    Form(
        "Sellmeier, three terms", "sqrt(1 + B1*L^2/(L^2 - C1) + B2*L^2/(L^2 - C2) + B3*L^2/(L^2 - C3))", _WAVE,
        (linear("B1", "1", "strength"), size("C1", "L^2", "resonance, squared", 0.003, 0.006, 0.01, 0.02),
         linear("B2", "1", "strength"), size("C2", "L^2", "resonance, squared", 0.02, 0.04, 0.08),
         linear("B3", "1", "strength"), size("C3", "L^2", "resonance, squared", 50.0, 100.0, 300.0)),
        "optics", "Sellmeier, Ann. Phys. 143 (1871) 272", {"L": "positive"}, solved="square", positive=True,
    ),
    Form(
        "Cauchy dispersion", "A + B/L^2 + C/L^4", _WAVE,
        (linear("A", "y", "at long waves"), linear("B", "y*L^2", "of 1/L^2"), linear("C", "y*L^4", "of 1/L^4")),
        "optics", "Cauchy, Memoire sur la dispersion de la lumiere (1836)", {"L": "positive"},
    ),
    Form(
        "Malus", "I0*cos(th - a)^2", inputs("th: angle in radians"),
        (linear("I0", "y", "full intensity", positive=True), number("a", "angle of the polarizer", 0.0, 0.8, 1.6, 2.4)),
        "optics", "Malus, Theorie de la double refraction (1810)",
    ),
    Form(
        "Malus, degrees", "I0*cos(pi*(th - a)/180)^2", inputs("th: angle in degrees"),
        (linear("I0", "y", "full intensity", positive=True),
         number("a", "angle of the polarizer", 0.0, 45.0, 90.0, 135.0)),
        "optics", "Malus, Theorie de la double refraction (1810)", bits=9.0,
    ),
    Form(
        "thin lens", "f*u/(u - f)", inputs("u: distance of the object"),
        (size("f", "u", "focal length", positive=False),),
        "optics", "Halley, Phil. Trans. 17 (1693) 960", {"u": "positive"},
    ),
    Form(
        "inverse square", "A/(r - b)^2", _R, (linear("A", "y*r^2", "strength"), place("b", "r", "place of the source")),
        "optics", "Bouguer, Essai d'optique (1729)", monotone=True,
    ),
    Form(
        "van der Waals", "R*T/(V - b) - a/V^2", inputs("T: absolute temperature", "V: molar volume"),
        (linear("R", "y*V/T", "gas constant", positive=True),
         size("b", "V", "volume of the molecules", 0.003, 0.01, 0.03, 0.1, 0.3),
         linear("a", "y*V^2", "attraction", positive=True)),
        "physics", "van der Waals, Over de continuiteit (1873)", {"T": "positive", "V": "positive"},
    ),
    Form(
        "Langevin", "A*(1/tanh(x/b) - b/x)", inputs("x: field"),
        (linear("A", "y", "saturation"), size("b", "x", "k T over the moment")),
        "physics", "Langevin, Ann. chim. phys. 5 (1905) 70", {"x": "positive"}, monotone=True,
    ),
    Form(
        "Brillouin", "A*((2*J + 1)/(2*J)/tanh((2*J + 1)/(2*J)*x/b) - 1/(2*J*tanh(x/(2*J*b))))", inputs("x: field"),
        (linear("A", "y", "saturation"), size("b", "x", "k T over the moment"),
         number("J", "angular momentum", 0.7, 1.5, 3.5, positive=True)),
        "physics", "Brillouin, J. Phys. Radium 8 (1927) 74", {"x": "positive"}, monotone=True, bits=9.0,
    ),
    Form(
        "hyperbolic tangent", "A*tanh(x/b)", inputs("x: any"), (linear("A", "y", "limit"), size("b", "x", "scale")),
        "physics", "Weiss (1907): a moment of one half; a fall with drag; Jassby and Platt (1976)", monotone=True,
    ),
    Form(
        "Steinhart-Hart", "1/(A + B*log(R) + C*log(R)^3)", inputs("R: resistance"),
        (linear("A", "1/y", "constant"), linear("B", "1/y", "of log R"), linear("C", "1/y", "of its cube")),
        "physics", "Steinhart and Hart, Deep-Sea Res. 15 (1968) 497", {"R": "positive"}, solved="inverse",
        positive=True,
        bits=9.0,
    ),
    Form(
        "Butler-Volmer", "i0*(exp(a*v) - exp(-c*v))", inputs("v: overpotential"),
        (linear("i0", "y", "exchange current"), size("a", "1/v", "anodic slope"), size("c", "1/v", "cathodic slope")),
        "physics", "Butler (1924); Erdey-Gruz and Volmer, Z. phys. Chem. A 150 (1930) 203", monotone=True,
    ),
    Form(
        "diode", "I0*(exp(V/n) - 1)", inputs("V: voltage"),
        (linear("I0", "y", "saturation current"), size("n", "V", "thermal voltage times the ideality")),
        "physics", "Shockley, Bell Syst. Tech. J. 28 (1949) 435", monotone=True,
    ),
    Form(
        "Nernst", "E0 + k*T*log(c)", inputs("T: absolute temperature", "c: ratio of activities"),
        (linear("E0", "y", "standard potential"), linear("k", "y/T", "gas constant over charge")),
        "physics", "Nernst, Z. phys. Chem. 4 (1889) 129", {"T": "positive", "c": "positive"},
    ),
    Form(
        "Lennard-Jones", "4*eps*((s/r)^12 - (s/r)^6)", _R,
        (linear("eps", "y", "depth", positive=True), size("s", "r", "r of energy 0", 0.3, 0.5, 0.7, 0.85, 1.0, 1.2)),
        "physics", "Lennard-Jones, Proc. R. Soc. A 106 (1924) 463", {"r": "positive"},
    ),
    Form(
        "Morse", "C + D*(1 - exp(-a*(r - r0)))^2", _R,
        (linear("C", "y", "least energy"), linear("D", "y", "depth", positive=True), size("a", "1/r", "stiffness"),
         place("r0", "r", "r of the least energy")),
        "physics", "Morse, Phys. Rev. 34 (1929) 57", {"r": "positive"},
    ),
    Form(
        "Buckingham", "A*exp(-b*r) - C/r^6", _R,
        (linear("A", "y", "repulsion", positive=True), size("b", "1/r", "its range"),
         linear("C", "y*r^6", "attraction")),
        "physics", "Buckingham, Proc. R. Soc. A 168 (1938) 264", {"r": "positive"}, bits=9.0,
    ),
    Form(
        "Yukawa", "A*exp(-r/L)/r", _R, (linear("A", "y*r", "strength"), size("L", "r", "range")),
        "physics", "Yukawa, Proc. Phys. Math. Soc. Japan 17 (1935) 48", {"r": "positive"}, monotone=True,
    ),
    Form(
        "Bragg", "A/sin(th)", inputs("th: angle in radians"), (linear("A", "y", "half of the wavelength"),),
        "physics", "Bragg, Proc. Camb. Phil. Soc. 17 (1913) 43", {"th": "positive"}, bits=9.0,
    ),
    Form(
        "Hall-Petch", "s0 + k/sqrt(d)", inputs("d: grain size"),
        (linear("s0", "y", "of a single crystal"), linear("k", "y*d^0.5", "strengthening")),
        "physics", "Hall, Proc. Phys. Soc. B 64 (1951) 747; Petch (1953)", {"d": "positive"}, monotone=True, bits=9.0,
    ),
    Form(
        "Ramberg-Osgood", "s/E + (s/K)^n", inputs("s: stress"),
        (size("E", "s/y", "modulus"), size("K", "s", "strength", 0.5, 1.0, 2.0),
         number("n", "hardening exponent", 3.0, 6.0, 12.0, 25.0, positive=True)),
        "physics", "Ramberg and Osgood, NACA TN 902 (1943)", {"s": "nonnegative"}, monotone=True, bits=9.0,
    ),
    Form(
        "Bloch", "M0 - B*T^(3/2)", _T, (linear("M0", "y", "value at 0"), linear("B", "y/T^1.5", "spin waves")),
        "physics", "Bloch, Z. Phys. 61 (1930) 206", _POSITIVE_T, monotone=True, bits=9.0,
    ),
    Form(
        "Debye relaxation", "C + A/(1 + (w*tau)^2)", inputs("w: frequency"),
        (linear("C", "y", "at high frequency"), linear("A", "y", "what relaxes"),
         size("tau", "1/w", "relaxation time")),
        "physics", "Debye, Polar Molecules (1929)", {"w": "nonnegative"}, monotone=True,
    ),
)  # fmt: skip
"""Rows; where two are the same function, one says which it is like."""
