"""The names that C, its headers and its library have taken."""

from __future__ import annotations

import re

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
    sinh sqrt tan tanh tgamma trunc HUGE_VAL INFINITY NAN out pi e sinc sign larger smaller
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
RESERVED = frozenset(_WORDS.split()) | {"spline"}
_MATH = _WORDS[_WORDS.index("acos acosh") :].split() + _FUNCTIONS.split()
#: functions of the library: another function called so would clash with one, a variable only hides it
LIBRARY = frozenset(_FUNCTIONS.split()) | {f"{name}{end}" for name in _MATH for end in "fl"}


def is_macro(name: object) -> bool:
    """Return whether a name may be a macro of a header."""
    return isinstance(name, str) and _MACRO.fullmatch(name) is not None
