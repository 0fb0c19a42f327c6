"""Dirichlet domains of knots, and their shortest closed geodesics.

SnapPy's construction fails on many triangulations and never ends on some, so that random ones are tried, in a child
process which a timer ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Iterator
from typing import BinaryIO

import pandas as pd
import snappy
from knots import FAILURES, draw

ATTEMPTS = 20
"""Triangulations tried for one knot."""
STALLS, PATIENCE = 4, 0.2
"""How many of them may be given up, and after how many processor seconds."""

Found = tuple[complex, list[float]]
"""Complex length of the shortest geodesic, and the face pairings, sixteen numbers each."""


def domains(names: list[str], seed: int) -> pd.DataFrame:
    """A row for each of the knots: name, shortest geodesic, and the matrices that pair the faces of a domain."""
    rows = []
    for name, found in search(names, seed).items():
        short, pairings = found or (complex("nan+nanj"), None)
        rows.append((name, short.real, short.imag, pairings))
    return pd.DataFrame(rows, columns=["name", "short_geodesic_real", "short_geodesic_imag", "pairings"])


def search(names: list[str], seed: int) -> dict[str, Found | None]:
    """What was found for each knot; where a timer has ended the child, another one goes on behind that attempt."""
    found: dict[str, Found | None] = {}
    number = stalls = 0
    while len(found) < len(names):
        for name, result in _reports(names[len(found) :], number, seed):
            if result or number == ATTEMPTS - 1:
                found[name] = result
                number = stalls = 0
            else:
                number += 1
        if len(found) < len(names):
            number, stalls = number + 1, stalls + 1
            if number == ATTEMPTS or stalls == STALLS:
                found[names[len(found)]] = None
                number = stalls = 0
    return found


def attempt(name: str, number: int, seed: int) -> Found | None:
    """Shortest geodesic and face pairings, from one triangulation; None where that one fails."""
    knot = snappy.HTLinkExteriors[name]
    snappy.set_rand_seed(draw(f"{name} {number}", seed))
    if number:
        knot.randomize()
    try:
        domain = knot.dirichlet_domain(maximize_injectivity_radius=False)
        if abs(float(domain.volume()) - float(knot.volume())) > 1e-6:
            return None
        return shortest_geodesic(domain), [float(x) for pairing in domain.pairing_matrices() for x in pairing.list()]
    except FAILURES:
        return None


def shortest_geodesic(domain: snappy.DirichletDomain) -> complex:
    """Complex length of the shortest closed geodesic; among equally long ones, that of the smallest angle."""
    for cutoff in (1.0, 1.5, 2.0, 2.5, 3.0):
        lengths = [complex(info.length) for info in domain.length_spectrum_dicts(cutoff, multiplicities=False)]
        if lengths:
            least = min(length.real for length in lengths)
            return min((length for length in lengths if length.real < least + 1e-7), key=lambda length: length.imag)
    raise RuntimeError("No closed geodesic of length 3 or less.")


def _reports(names: list[str], first: int, seed: int) -> Iterator[tuple[str, Found | None]]:
    """Name and result of one attempt after the other, from a child process, until it is done or ended."""
    back, out = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(out, "wb") as pipe:
            _attempt_all(names, first, seed, pipe)
        os._exit(0)
    os.close(out)
    with os.fdopen(back, "rb") as pipe, contextlib.suppress(EOFError):
        while True:
            yield pickle.load(pipe)
    os.waitpid(child, 0)


def _attempt_all(names: list[str], first: int, seed: int, pipe: BinaryIO) -> None:
    for name in names:
        for number in range(first, ATTEMPTS):
            signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
            found = attempt(name, number, seed)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            pickle.dump((name, found), pipe)
            pipe.flush()
            if found:
                break
        first = 0
