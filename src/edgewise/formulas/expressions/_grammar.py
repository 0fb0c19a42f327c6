"""The grammar of formulas: text to a tree, with the place of each part, in limited time. No text is ever run."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from edgewise._deadline import Deadline, cut
from edgewise._errors import InputError

Result = TypeVar("Result")

_SECONDS = 2.0
_LONGEST_CALL = 5.0  # seconds on the clock after which a call of sympy that does not end is interrupted


@dataclass
class Budget:
    """Processor time of this thread, from when the budget is made.

    Parameters
    ----------
    seconds
        The processor time that may be spent, in seconds.
    start
        The thread's processor time at the start, in seconds; now by default.
    """

    seconds: float = _SECONDS
    start: float = field(default_factory=time.thread_time)

    def check(self) -> None:
        """Raise InputError once the time is over."""
        if time.thread_time() - self.start > self.seconds:
            raise self._over()

    def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of some work.

        Parameters
        ----------
        work
            A function without arguments.

        Raises
        ------
        InputError
            Where the work never checks the budget and is interrupted, or its numbers become too large.
        """
        found: list[Result] = []
        try:
            if cut(Deadline.after(_LONGEST_CALL), lambda: found.append(work())):
                return found[0]
        except (MemoryError, OverflowError):  # of sympy, which makes whole numbers of powers
            raise InputError("The numbers of the formula are too large to work out: simplify or split it.") from None
        raise self._over()

    def _over(self) -> InputError:
        return InputError(f"The formula takes more than {self.seconds:g} seconds to work out: simplify or split it.")


_LONGEST_TEXT = 10_000  # characters
_DEEPEST = 50  # brackets, functions and exponents within one another
_AROUND = 20  # characters shown on each side of a place

_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_QUOTED = re.compile(r"`([^`]+)`")
_SPELLINGS = {
    "**": "^", "＾": "^", "＋": "+", "（": "(", "）": ")", "，": ",",
    **dict.fromkeys("−–－", "-"), **dict.fromkeys("·\u0387⋅∙∗×＊", "*"), **dict.fromkeys("÷∕／", "/"),
}  # fmt: skip
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED = re.compile("⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_HINTS = {
    "=": "give the right-hand side only",
    ".": "a formula has no attributes, and a decimal is written like 0.5",
    "|": "write abs(...)",
    "!": "a formula has no factorials",
    "%": "divide by 100 instead",
    "`": "a name in backquotes ends with another one, like `mass (kg)`",
} | dict.fromkeys("[]{}", "use round brackets")


class Place(NamedTuple):
    """A part of a text, from character `start` up to `end`."""

    text: str
    start: int
    end: int

    def error(self, problem: str) -> InputError:
        """Return the error that points here: where, what is wrong, and the text around with the part marked >>so<<."""
        before, part, after = self.text[: self.start], self.text[self.start : self.end], self.text[self.end :]
        shown = _cut(before, -_AROUND) + ">>" + _cut(part, 2 * _AROUND) + "<<" + _cut(after, _AROUND)
        return InputError(f"Formula, character {self.start + 1}: {problem} Here: {repr(shown)[1:-1]}")


def _cut(text: str, size: int) -> str:
    if len(text) <= abs(size):
        return text
    return "..." + text[size:] if size < 0 else text[:size] + "..."


class SyntaxNode(NamedTuple):
    """A part of a formula.

    Parameters
    ----------
    kind
        "number" and "name": `text` is what was written. "call": `text` is the function, `parts` its arguments. "sum"
        and "product": any number of parts. "negative", "inverse": one part. "power": base and exponent.
    place
        Where the part is in the text.
    parts
        The parts below.
    text
        What was written.
    """

    kind: str
    place: Place
    parts: tuple[SyntaxNode, ...] = ()
    text: str = ""


class _Token(NamedTuple):
    kind: str  # "number", "name", "raised", "end", or the operator or bracket itself
    text: str
    place: Place


def syntax_tree(text: str) -> SyntaxNode:
    """Return the tree of a formula.

        sum     = product { ("+" | "-") product }
        product = signed { ("*" | "/") signed }
        signed  = { "+" | "-" } power
        power   = atom [ superscript ] [ "^" signed ]
        atom    = number | name | name "(" sum { "," sum } ")" | "(" sum ")"

    So -x^2 is -(x^2), 2^3^2 is 2^9 and a/b*c is (a/b)*c.

    Parameters
    ----------
    text
        The formula, of at most 10 000 characters.

    Raises
    ------
    InputError
        For everything else, with the number of the character.

    Examples
    --------
    >>> syntax_tree("a - 2*b").kind
    'sum'
    >>> syntax_tree("2 x")
    Traceback (most recent call last):
    edgewise._errors.InputError: Formula, character 3: expected an operator or the end (write a product with *, a function with brackets). Here: 2 >>x<<
    """  # noqa: E501 (the message is one line)
    if not isinstance(text, str):
        raise InputError(f"A formula is text, like 'a*sin(b) + 1'. Got {type(text).__name__}.")
    if not text.strip():
        raise InputError("The formula is empty. Write one, like 'a*sin(b) + 1'.")
    if len(text) > _LONGEST_TEXT:
        raise InputError(f"The formula has {len(text)} characters. At most {_LONGEST_TEXT} are read: split it.")
    return _Grammar(_tokens(text)).formula()


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        kind, piece, end = _token(text, at)
        yield _Token(kind, piece, Place(text, at, end))
        at = end
    yield _Token("end", "", Place(text, len(text), len(text)))


def _token(text: str, at: int) -> tuple[str, str, int]:
    """Kind, content and end of the token that starts at a character."""
    if number := _NUMBER.match(text, at):
        return "number", number[0], number.end()
    if text[at].isidentifier():
        end = at + 1
        while end < len(text) and _continues(text[end]):
            end += 1
        return "name", text[at:end], end
    if raised := _RAISED.match(text, at):
        return "raised", raised[0].translate(_SUPERSCRIPT), raised.end()
    if quoted := _QUOTED.match(text, at):
        return "name", quoted[1], quoted.end()
    operator = "**" if text.startswith("**", at) else text[at]
    kind = _SPELLINGS.get(operator, operator)
    if kind not in ("+", "-", "*", "/", "^", "(", ")", ","):
        hint = _HINTS.get(text[at], "use + - * / ^ ( ), numbers, names and functions")
        raise Place(text, at, at + 1).error(f"{character(text[at])} is not part of a formula: {hint}.")
    return kind, kind, at + len(operator)


def _continues(sign: str) -> bool:
    """Return whether a character belongs to the name before it; Unicode counts the middle dot among the letters."""
    return (("a" + sign).isidentifier() or sign in _SUBSCRIPTS) and sign not in _SPELLINGS


def character(sign: str) -> str:
    """Return a character in words: itself, and its number and name where it may look like another or like nothing."""
    plain = sign.isascii() and sign.isprintable()
    return repr(sign) if plain else f"U+{ord(sign):04X} {unicodedata.name(sign, 'without a name')}"


class _Grammar:
    """Reads tokens from left to right; each method takes what the rule of its name says."""

    def __init__(self, tokens: Iterator[_Token]) -> None:
        self.coming, self.next = tokens, next(tokens)
        self.taken: list[Place] = []
        self.depth = 0

    def take(self, *kinds: str) -> _Token | None:
        """Return the next token if it is of one of the kinds."""
        token = self.next
        if token.kind not in kinds:
            return None
        self.taken.append(token.place)
        self.next = next(self.coming)
        return token

    def since(self, start: int) -> Place:
        """Return the place from the token numbered `start` to the last one taken."""
        first, last = self.taken[start], self.taken[-1]
        return Place(first.text, first.start, last.end)

    def formula(self) -> SyntaxNode:
        found = self.sum()
        if self.next.kind == ")":
            raise self.next.place.error("this ')' closes nothing: remove it, or open a bracket before.")
        if self.next.kind == ",":
            raise self.next.place.error("a ',' stands only between arguments: a decimal takes a point, like 1.5.")
        if self.next.kind != "end":
            raise self.next.place.error(
                "expected an operator or the end (write a product with *, a function with brackets)."
            )
        return found

    def sum(self) -> SyntaxNode:
        return self.chain("sum", self.product, "+-", "negative")

    def product(self) -> SyntaxNode:
        return self.chain("product", self.signed, "*/", "inverse")

    def chain(self, kind: str, rule: Callable[[], SyntaxNode], signs: str, turned: str) -> SyntaxNode:
        """Return parts joined by two signs; those after the second one are negative or inverse."""
        start = len(self.taken)
        parts = [rule()]
        while sign := self.take(*signs):
            part = rule()
            parts.append(part if sign.kind == signs[0] else SyntaxNode(turned, part.place, (part,)))
        return parts[0] if len(parts) == 1 else SyntaxNode(kind, self.since(start), tuple(parts))

    def signed(self) -> SyntaxNode:
        start, negative = len(self.taken), False
        while sign := self.take("+", "-"):
            negative ^= sign.kind == "-"
        found = self.power()
        return SyntaxNode("negative", self.since(start), (found,)) if negative else found

    def power(self) -> SyntaxNode:
        start = len(self.taken)
        found = self.atom()
        if raised := self.take("raised"):
            exponent = SyntaxNode("number", raised.place, text=raised.text)
            found = SyntaxNode("power", self.since(start), (found, exponent))
        if self.take("^"):
            exponent = self.within(self.signed)
            found = SyntaxNode("power", self.since(start), (found, exponent))
        return found

    def atom(self) -> SyntaxNode:
        if number := self.take("number"):
            return SyntaxNode("number", number.place, text=number.text)
        if name := self.take("name"):
            if self.next.kind == "(":
                start = len(self.taken) - 1
                parts = self.brackets()
                return SyntaxNode("call", self.since(start), tuple(parts), name.text)
            return SyntaxNode("name", name.place, text=name.text)
        if self.next.kind == "(":
            start = len(self.taken)
            parts = self.brackets()
            if len(parts) > 1:
                raise self.since(start).error("a ',' stands only between arguments of a function.")
            return parts[0]
        found = "the end" if self.next.kind == "end" else repr(self.next.text)
        raise self.next.place.error(f"expected a number, a name, a function or '(', found {found}.")

    def brackets(self) -> list[SyntaxNode]:
        opened = self.take("(")
        assert opened is not None
        parts = [self.within(self.sum)]
        while self.take(","):
            parts.append(self.within(self.sum))
        if not self.take(")"):
            if self.next.kind == "end":
                raise opened.place.error("this '(' is never closed: add a ')'.")
            raise self.next.place.error(
                "expected an operator or ')' (write a product with *, a function with brackets)."
            )
        return parts

    def within(self, rule: Callable[[], SyntaxNode]) -> SyntaxNode:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.next.place.error(f"nested more than {_DEEPEST} deep: simplify the formula.")
        found = rule()
        self.depth -= 1
        return found
