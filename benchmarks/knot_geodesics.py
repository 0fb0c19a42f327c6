"""The shortest closed geodesics of knots, from Dirichlet domains.

SnapPy's construction of a domain fails on many triangulations and never ends on some, so that random ones are tried,
in a child process which a timer ends.
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
from knot_invariants import FAILURES, draw

ATTEMPTS = 20
"""Triangulations tried for one knot."""
STALLS, PATIENCE = 4, 0.2
"""How many of them may be given up, and after how many processor seconds."""


def geodesics(names: list[str], seed: int) -> pd.DataFrame:
    """A row for each of the knots: name, length and angle of the shortest closed geodesic, NaN where none is found."""
    found = search(names, seed)
    lengths = [complex("nan+nanj") if length is None else length for length in found.values()]
    columns = {"short_geodesic_real": [x.real for x in lengths], "short_geodesic_imag": [x.imag for x in lengths]}
    return pd.DataFrame({"name": list(found), **columns})


def search(names: list[str], seed: int) -> dict[str, complex | None]:
    """What was found for each knot; where a timer has ended the child, another one goes on behind that attempt."""
    found: dict[str, complex | None] = {}
    number = stalls = 0
    while len(found) < len(names):
        for name, length in _reports(names[len(found) :], number, seed):
            if length or number == ATTEMPTS - 1:
                found[name] = length
                number = stalls = 0
            else:
                number += 1
        if len(found) < len(names):
            number, stalls = number + 1, stalls + 1
            if number == ATTEMPTS or stalls == STALLS:
                found[names[len(found)]] = None
                number = stalls = 0
    return found


def attempt(name: str, number: int, seed: int) -> complex | None:
    """Complex length of the shortest closed geodesic, by way of one triangulation; None where that one fails."""
    knot = snappy.HTLinkExteriors[name]
    snappy.set_rand_seed(draw(f"{name} {number}", seed))
    if number:
        knot.randomize()
    try:
        domain = knot.dirichlet_domain(maximize_injectivity_radius=False)
        right = abs(float(domain.volume()) - float(knot.volume())) < 1e-6
        return shortest_geodesic(domain) if right else None
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


def _reports(names: list[str], first: int, seed: int) -> Iterator[tuple[str, complex | None]]:
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
