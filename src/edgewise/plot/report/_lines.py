"""Long formulas in LaTeX, broken into lines."""

import re

_TOKENS = re.compile(r"\\(left.|begin)|\\(right.|end)|\\.|[{}|]| [+-] ")
_UNSEEN = re.compile(r"\\(?:left|right|mathrm|mathit|operatorname|,|frac)|[\\{}^\s]")


def lines(latex: str, longest: int, taken: int = 0) -> list[str]:
    r"""Return a formula as lines of about that many visible characters, broken before the + and - of its sum.

    `taken` characters of the first line are not free. Nothing is broken within parentheses or fractions, so a line may
    be longer.

    >>> lines(r"a + \left(b + c\right) x - \frac{d + e}{f}", 8)
    ['a + \\left(b + c\\right) x', '- \\frac{d + e}{f}']
    >>> lines("a + |b - c|", 8, 6)
    ['a', '+ |b - c|']
    """
    first, *others = _terms(latex)
    out, count = [first], taken + _visible(first)
    for term in others:
        count += _visible(term)
        if count > longest:
            out.append(term.strip())
            count = _visible(term)
        else:
            out[-1] += term
    return out


def _terms(latex: str) -> list[str]:
    """The terms of the outermost sum, each but the first with its sign."""
    depth, bars, start, terms = 0, False, 0, []
    for token in _TOKENS.finditer(latex):
        if token[1] or token[0] == "{":
            depth += 1
        elif token[2] or token[0] == "}":
            depth -= 1
        elif token[0] == "|":
            bars = not bars
        elif token[0].startswith(" ") and depth == 0 and not bars:
            terms.append(latex[start : token.start()])
            start = token.start()
    return [*terms, latex[start:]]


def _visible(latex: str) -> int:
    return len(_UNSEEN.sub("", latex))
