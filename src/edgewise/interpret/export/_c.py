"""A C99 function, as source text."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import ClassVar

import sympy
from sympy.printing.precedence import PRECEDENCE

from edgewise._typing import Formula
from edgewise.interpret.export._printer import Language, Printer, register
from edgewise.interpret.export._source import (
    Exportable,
    Names,
    Source,
    Target,
    Units,
    about,
    check_function,
    identifiers,
    read,
    statement,
)
from edgewise.interpret.export._steps import Curve, Program, is_product, program

#: words of C and C++, and names that compilers and this file have taken
_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    bool true false class new delete this namespace template private public protected operator try catch throw virtual
    friend typename using export explicit mutable asm and or not xor and_eq or_eq not_eq xor_eq bitand bitor compl
    const_cast dynamic_cast reinterpret_cast static_cast typeid typeof wchar_t char8_t char16_t char32_t nullptr
    constexpr consteval constinit decltype noexcept thread_local alignas alignof static_assert concept requires
    co_await co_return co_yield complex imaginary errno assert stdin stdout stderr near far pascal fortran cdecl
    linux unix i386 sun sparc mips vax hpux main
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma fmax
    fmin fmod frexp hypot ilogb ldexp lgamma log log10 log1p log2 logb modf nan pow remainder rint round scalbn sin
    sinh sqrt tan tanh tgamma trunc HUGE_VAL INFINITY NAN out pi e sinc sign larger smaller bounded
"""
_FUNCTIONS = """
    drem finite gamma isinf isnan j0 j1 jn y0 y1 yn lgamma_r llrint llround lrint lround nearbyint nextafter
    nexttoward pow10 exp10 remquo scalb scalbln significand sincos fpclassify isfinite isgreater isgreaterequal isless
    islessequal islessgreater isnormal isunordered signbit abs labs llabs div ldiv rand srand exit abort atexit malloc
    calloc realloc free getenv system qsort bsearch atof atoi atol strtod printf scanf puts gets putchar getchar
    remove rename index rindex strlen strcpy strcmp memcpy memset time clock difftime signal raise ffs alloca bcmp
    bzero toupper tolower isalpha isdigit isspace isupper islower isprint ispunct creal cimag cabs carg conj cproj
    cexp clog cpow csqrt csin ccos ctan casin cacos catan csinh ccosh ctanh roundeven fmaximum fminimum
"""
#: what the headers of C define, and other systems and later standards
_MACRO = re.compile(
    r"I|NULL|EOF|WEOF|BUFSIZ|S?NANF?L?|INFINITY|TRUE|FALSE|BOOL|DOMAIN|SING|OVERFLOW|UNDERFLOW|[PT]LOSS|X_TLOSS|MAXFLOAT"
    r"|E(?=\d*[A-Z])[A-Z0-9]{2,}|SIG[A-Z_]\w*|(PRI|SCN)[a-zA-Z]\w*|(CHAR|LONG|WORD)_BIT|L_tmpnam|P_tmpdir|CLOCKS_PER_SEC"
    r"|(FP|M|MATH|HUGE|FE|FLT|DBL|LDBL|DECIMAL|LC|SEEK|EXIT|MB|TIME|math)_\w+"
    r"|\w+_(MAX|MIN|C|WIDTH)"
)
#: names that no variable of a program may have, macros apart
_RESERVED = frozenset(_WORDS.split()) | {"spline"}
_MATH = _WORDS[_WORDS.index("acos acosh") :].split() + _FUNCTIONS.split()
#: functions of the library: another function called so would clash with one, a variable only hides it
_LIBRARY = frozenset(_FUNCTIONS.split()) | {f"{name}{end}" for name in _MATH for end in "fl"}


class _CPrinter(Printer):
    language = "C99"
    functions: ClassVar[Mapping[str, str]] = {
        **{name: name for name in ("exp", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
        **{name: name for name in ("asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "erf", "erfc", "floor")},
        "Abs": "fabs", "ceiling": "ceil", "sign": "sign", "Max": "larger", "Min": "smaller",
    }  # fmt: skip
    constants: ClassVar[Mapping[str, str]] = {"Pi": "pi", "Exp1": "exp(1.0)", "NaN": "NAN"}

    def integer(self, value: int) -> str:
        return f"{value}.0" if abs(value) <= 2**53 else super().integer(value)

    def power(self, base: Formula, exponent: Formula) -> str:
        if is_product(base**exponent) and base.is_Symbol:
            return "*".join([self._print(base)] * int(exponent))
        return self.call("pow", base, exponent)

    def choice(self, condition: str, then: str, other: str) -> str:
        return f"({condition} ? {then} : {other})"

    def sinc(self, argument: Formula) -> str:
        return self.call("sinc", argument)

    def parenthesize(self, item: Formula, level: int, strict: bool = False) -> str:
        """Return a power that is written as a product binds like one."""
        if item.is_Pow and is_product(item) and level > PRECEDENCE["Mul"]:
            return f"({self._print(item)})"
        return super().parenthesize(item, level, strict)


_SPLINE = """\
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
    return y + (x < inside ? slopes[0] : slopes[1])*(x - inside) + 0.0*x;
}"""
_HELPERS = {
    "sinc": "static double sinc(double x)\n{\n    return x == 0.0 ? 1.0 : sin(x)/x;\n}",
    "bounded": "static double bounded(double x)\n{\n    return x + 0.0*x;\n}",
    "sign": "static double sign(double x)\n{\n    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;\n}",
    "Max": "static double larger(double a, double b)\n{\n    return a > b || a != a ? a : b;\n}",
    "Min": "static double smaller(double a, double b)\n{\n    return a < b || a != a ? a : b;\n}",
}


def c(
    source: Exportable, names: Names = None, *, target: Target = None, units: Units = None, function: str = "f"
) -> str:
    """Return the source of a C99 function of doubles, one argument for each input, which needs math.h alone.

    One output is returned; several are written to the array `out`, the last argument. Where the formula is undefined
    the value is NaN or infinite. Networks with spline edges are written node by node, their curves as tables.

    Parameters
    ----------
    source
        A network, a saved model, a candidate of a discovery, a sympy expression, or a list of the last two.
    names
        Names of the inputs: those that the source knows by default; else x1, x2, ... or the symbols in alphabetical
        order.
    target
        Name of the output, or a list of names; by default those of a saved model, else y, or y1, y2, ...
    units
        Units by names of inputs and outputs, for the comment; by default those of a saved model.
    function
        The name of the function.

    Raises
    ------
    InputError
        For names or units that do not fit, and for functions that C does not have.

    Examples
    --------
    >>> import sympy
    >>> m, v = sympy.symbols("mass speed")
    >>> print(c(m * v**2 / 2, ["mass", "speed"], target="energy", function="energy"))
    /* energy = mass*speed**2/2
     *
     * mass
     * speed
     * returns energy
     * (written by edgewise ...)
     */
    #include <math.h>
    <BLANKLINE>
    double energy(double mass, double speed);
    <BLANKLINE>
    double energy(double mass, double speed)
    {
        return mass*speed*speed/2.0;
    }
    <BLANKLINE>
    """
    return _written(read(source, names, target, units), function)


def _written(source: Source, function: str = "f") -> str:
    check_function(function, _RESERVED | _LIBRARY | {name for name in [function] if _is_macro(name)})
    macros = {plain for plain in identifiers(source.names).values() if _is_macro(plain)}
    written = program(source, function, _RESERVED | macros, products=True)
    arguments = [f"double {name}" for name in written.inputs.values()]
    several = len(written.results) > 1
    arguments += [f"double out[{len(written.results)}]"] if several else []
    head = f"{'void' if several else 'double'} {function}({', '.join(arguments) or 'void'})"
    parts = [*written.helpers(_HELPERS, _SPLINE, _curve), f"{head};", f"{head}\n{{\n{_body(written, several)}\n}}"]
    return f"{_comment(about(source, written.inputs))}\n#include <math.h>\n\n" + "\n\n".join(parts) + "\n"


register(Language("c", (".c",), _written))


def _body(written: Program, several: bool) -> str:
    printer = _CPrinter()
    used = {str(s) for formula in written.formulas() for s in formula.free_symbols}
    lines = [f"(void){name};" for name in written.inputs.values() if name not in used]
    if any(formula.has(sympy.pi) for formula in written.formulas()):
        lines.insert(0, "const double pi = 3.141592653589793;")
    lines += [statement(f"const double {symbol} = ", printer.doprint(value), ";") for symbol, value in written.steps]
    if several:
        lines += [statement(f"out[{k}] = ", printer.doprint(r), ";") for k, r in enumerate(written.results)]
    else:
        lines.append(statement("return ", printer.doprint(written.results[0]), ";"))
    lines.sort(key=lambda line: not line.startswith("const "))  # declarations first
    return textwrap.indent("\n".join(lines), "    ")


def _comment(lines: Sequence[str]) -> str:
    """Return the lines as a comment; nothing in them ends it, begins another or is a trigraph."""
    safe = [re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", line) for line in lines]
    return "\n".join([f"/* {safe[0]}", *(f" * {line}".rstrip() for line in safe[1:]), " */"])


def _curve(curve: Curve) -> str:
    rows = ",\n".join("        " + ", ".join(map(repr, piece)) for piece in curve.pieces)
    knots = statement("static const double knots[] = ", f"{{{', '.join(map(repr, curve.knots))}}}", ";")
    return (
        f"static double {curve.name}(double x)\n{{\n    {knots}\n"
        f"    static const double pieces[] = {{\n{rows}\n    }};\n"
        f"    static const double slopes[] = {{{curve.slopes[0]!r}, {curve.slopes[1]!r}}};\n"
        f"    return spline(x, {len(curve.pieces)}, {len(curve.pieces[0]) - 1}, knots, pieces, slopes);\n}}"
    )


def _is_macro(name: object) -> bool:
    """Return whether a name may be a macro of a header."""
    return isinstance(name, str) and _MACRO.fullmatch(name) is not None
