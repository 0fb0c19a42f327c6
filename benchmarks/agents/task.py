"""What a task is, and the judgment of an answer."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Verdict:
    """Whether an answer solves a task: the reasons why not, and what it claims wrongly."""

    reasons: list[str] = field(default_factory=list)
    wrong_claims: list[str] = field(default_factory=list)

    @property
    def solved(self) -> bool:
        return not self.reasons and not self.wrong_claims

    def need(self, holds: object, reason: str) -> None:
        """Note a reason if something does not hold."""
        if not holds:
            self.reasons.append(reason)

    def honest(self, holds: object, claim: str) -> None:
        """Note a wrong claim if something does not hold."""
        if not holds:
            self.wrong_claims.append(claim)

    def as_json(self, task: str) -> str:
        told = {"task": task, "solved": self.solved, "wrong_claims": self.wrong_claims, "reasons": self.reasons}
        return json.dumps(told, indent=1)


class Task(ABC):
    """A task: what the solver is given, all of it made from a seed, and the judgment of what the solver wrote."""

    name: str

    @abstractmethod
    def write(self, folder: Path, seed: int) -> None:
        """Write the data that the solver is given."""

    @abstractmethod
    def judge(self, answer: Mapping[str, Any], folder: Path, seed: int) -> Verdict:
        """Judge an answer; what is hidden is made again from the seed."""

    def check(self, folder: Path, seed: int) -> Verdict:
        """Judge the file answer.json of a folder."""
        try:
            answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
            return self.judge(answer, folder, seed)
        except (OSError, ValueError, KeyError, TypeError, SyntaxError) as error:
            return Verdict([f"answer.json is missing or has another form: {type(error).__name__}: {error}"])


def numbers(answer: Mapping[str, Any], key: str, count: int) -> np.ndarray:
    """Return a list of so and so many finite numbers of an answer."""
    values = np.asarray(answer[key], dtype=float)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"{key!r} must be a list of {count} numbers, one for each row asked for.")
    return values


def coefficients(text: str, names: Sequence[str]) -> dict[tuple[int, ...], float]:
    """Return the factors of a polynomial by the powers of its names; an error for what is no polynomial.

    >>> coefficients("2*a - a*b^2", ["a", "b"])
    {(1, 0): 2.0, (1, 2): -1.0}
    """
    import sympy

    symbols = [sympy.Symbol(name) for name in names]
    found = sympy.sympify(text.replace("^", "**"), locals=dict(zip(names, symbols, strict=True)))
    try:
        terms = sympy.Poly(found, *symbols).terms()
    except sympy.PolynomialError as error:
        raise ValueError(f"{text!r} is no polynomial of {', '.join(names)}") from error
    return {powers: float(factor) for powers, factor in sorted(terms)}
