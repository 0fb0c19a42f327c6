"""Tasks about differential equations: from trajectories, in an L-shape, and from a field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from agents.task import Task, Verdict, coefficients, numbers
from scipy.integrate import solve_ivp


class Tank(Task):
    """Two species in a tank: equations from two noisy runs, and a forecast from another start."""

    name = "tank"
    times = np.linspace(0, 25, 26)

    def write(self, folder: Path, seed: int) -> None:
        rng = np.random.default_rng(seed + 30)
        parts = []
        for number, start in enumerate(([2.0, 0.5], [6.0, 2.5])):
            t = np.linspace(0, 30, 121)
            states = self._run(start, t)
            states = states + 0.01 * states.std(0) * rng.standard_normal(states.shape)
            parts.append(pd.DataFrame({"run": number + 1, "day": t, "algae": states[:, 0], "fleas": states[:, 1]}))
        pd.concat(parts).round(5).to_csv(folder / "tank.csv", index=False)

    def judge(self, answer: Mapping[str, Any], folder: Path, seed: int) -> Verdict:
        verdict, truth = Verdict(), self._run([4.0, 0.3], self.times)
        said = np.stack([numbers(answer["forecast"], name, len(self.times)) for name in ("algae", "fleas")], axis=1)
        error = float((np.sqrt(np.mean((said - truth) ** 2, 0)) / truth.std(0)).max())
        verdict.need(error < 0.03, f"The forecast is off by {100 * error:.1f} % of the variation; 3 % was asked for.")
        right = True
        for name, true in (
            ("algae", {(1, 0): 1.1, (2, 0): -0.1, (1, 1): -0.4}),
            ("fleas", {(0, 1): -0.5, (1, 1): 0.12}),
        ):
            found = coefficients(answer["equations"][name], ["algae", "fleas"])
            near = set(found) == set(true) and all(abs(found[k] / v - 1) < 0.05 for k, v in true.items())
            right = right and near
            verdict.need(near, f"The equation of {name} has other terms or constants.")
        verdict.honest(right or not answer["form_established"], "Equations are claimed as established that are others.")
        return verdict

    def _run(self, start: list[float], t: np.ndarray) -> np.ndarray:
        def rate(_: float, z: np.ndarray) -> list[float]:
            return [1.1 * z[0] - 0.1 * z[0] ** 2 - 0.4 * z[0] * z[1], 0.12 * z[0] * z[1] - 0.5 * z[1]]

        return solve_ivp(rate, (0, t[-1]), start, t_eval=t, rtol=1e-10, atol=1e-12).y.T


class Bar(Task):
    """The torsion function of an L-shaped bar at given points, near the corner too, to 1e-6."""

    name = "bar"
    vertices = (0, 3, 3 + 1j, 1 + 1j, 1 + 2j, 2j)
    points = (0.5 + 0.5j, 0.5 + 1.5j, 1.05 + 0.95j, 2 + 0.5j, 0.98 + 1.02j, 2.9 + 0.1j)

    def write(self, folder: Path, seed: int) -> None:
        rows = [(point.real, point.imag) for point in self.points]
        pd.DataFrame(rows, columns=["x", "y"]).to_csv(folder / "points.csv", index=False)

    def judge(self, answer: Mapping[str, Any], folder: Path, seed: int) -> Verdict:
        said, verdict = numbers(answer, "values", len(self.points)), Verdict()
        error = float(np.abs(said - torsion(self.vertices, np.array(self.points))).max())
        verdict.need(error <= 1e-6, f"A value is wrong by {error:.1e}; 1e-6 was asked for.")
        promised = float(answer["largest_error_expected"])
        verdict.honest(error <= 10 * max(promised, 1e-12), f"An error of {promised:.0e} was promised, not {error:.0e}.")
        return verdict


def torsion(vertices: Any, points: np.ndarray) -> np.ndarray:
    """Return u with u_xx + u_yy + 1 = 0 in a polygon and u = 0 on its boundary, by rational functions.

    u + (x^2 + y^2) / 4 is the real part of an analytic function: a polynomial, and poles that gather exponentially at
    the corners, fitted to the boundary values by least squares (Gopal and Trefethen 2019). Nothing of edgewise is used.
    """
    corners = np.asarray(vertices, dtype=complex)
    poles, edge = [], []
    for k, corner in enumerate(corners):
        before, after = corners[k - 1] - corner, corners[(k + 1) % len(corners)] - corner
        inward = before / abs(before) + after / abs(after)
        turn = np.imag(np.conj(-before) * after)
        outward = -inward if turn > 0 else inward
        sizes = np.exp(4 * (np.sqrt(np.arange(1, 81)) - np.sqrt(80)))
        poles.append(corner + outward / abs(outward) * sizes)
        reach = np.concatenate([0.5 * np.exp(-np.linspace(0, 34, 600)), np.linspace(0, 0.5, 200)[1:]])
        edge += [corner + after * reach, corner + before * reach]
    poles, edge = np.concatenate(poles), np.concatenate(edge)
    center = corners.mean()

    def columns(z: np.ndarray) -> np.ndarray:
        near = np.abs(poles - corners[np.abs(poles[:, None] - corners).argmin(1)])
        parts = np.concatenate([near / (z[:, None] - poles), ((z[:, None] - center) / 2) ** np.arange(31)], axis=1)
        return np.concatenate([parts.real, -parts.imag], axis=1)

    matrix = columns(edge)
    factor = np.linalg.lstsq(matrix, np.abs(edge) ** 2 / 4, rcond=1e-14)[0]
    return columns(points) @ factor - np.abs(points) ** 2 / 4


class Front(Task):
    """A noisy field of invading plants: its equation, with intervals for the constants."""

    name = "front"
    truth: ClassVar = {"u": 0.9, "u^2": -0.9, "u_xx": 0.25}

    def write(self, folder: Path, seed: int) -> None:
        rng = np.random.default_rng(seed + 50)
        t, x = np.linspace(0, 6, 61), np.linspace(0, 20, 80, endpoint=False)
        clean = self._field(t, x)
        noisy = clean + 0.03 * clean.std() * rng.standard_normal(clean.shape)
        np.savez(folder / "cover.npz", t=t, x=x, u=noisy)

    def judge(self, answer: Mapping[str, Any], folder: Path, seed: int) -> Verdict:
        verdict, said = Verdict(), answer["terms"]
        named = {key.replace("**", "^").replace(" ", ""): value for key, value in said.items()}
        right = set(named) == set(self.truth)
        verdict.need(right, f"The terms are {', '.join(sorted(named))}, and should be others.")
        for term, true in self.truth.items():
            if term in named:
                value, low, high = named[term]
                sigma = (high - low) / 4
                verdict.need(abs(value / true - 1) < 0.05, f"The constant of {term} is off by more than 5 %.")
                verdict.need(0 < sigma < 0.05 * abs(true), f"The interval of {term} is empty or wide.")
                verdict.honest(abs(value - true) < 4 * sigma, f"The interval of {term} is far from the true value.")
        verdict.honest(
            right or not answer["form_established"], "An equation is claimed as established that is another."
        )
        return verdict

    def _field(self, t: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return u (times, positions) on a circle of length 20, by Fourier series of 160 points."""
        fine = np.arange(160) * 0.125
        wave = (2j * np.pi * np.fft.fftfreq(160, 0.125)) ** 2
        start = 0.8 * np.exp(-((fine - 7) ** 2)) + 0.4 * np.exp(-((fine - 14) ** 2) / 3)

        def rate(_: float, u: np.ndarray) -> np.ndarray:
            return 0.25 * np.fft.ifft(wave * np.fft.fft(u)).real + 0.9 * u * (1 - u)

        found = solve_ivp(rate, (0, t[-1]), start, t_eval=t, rtol=1e-8, atol=1e-10, method="LSODA")
        assert np.allclose(fine[::2], x)
        return found.y.T[:, ::2]
