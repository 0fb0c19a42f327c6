"""From rows to the best terms: fits on finer and finer cells, until two agree."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgewise._progress import Report
from edgewise._typing import Array
from edgewise.dynamics.fields._joint import Fit, Joint, Support
from edgewise.dynamics.fields._lattice import Lattice, Rows
from edgewise.dynamics.fields._measured import Measured
from edgewise.dynamics.fields._settings import SETTINGS
from edgewise.dynamics.fields._smooth import of_grid, smoothed
from edgewise.dynamics.fields._stability import growth
from edgewise.dynamics.fields._starts import Start, strong, weak
from edgewise.dynamics.fields._supports import improved, quadratic
from edgewise.dynamics.fields._terms import Term, library


@dataclass
class Level:
    """The fits on one lattice: the best one of powers, and of all; `resolved`: it leaves no more than the noise."""

    lattice: Lattice
    joint: Joint
    coefficients: Array
    fits: dict[Support, Fit | None] = field(default_factory=dict)
    plain: Fit | None = None
    best: Fit | None = None
    resolved: bool = False

    def now(self) -> list[int]:
        """The numbers of the terms of the best fit among those of all equations."""
        assert self.best is not None
        return self.best.flat(len(self.joint.terms))


class Search:
    """The search; `levels` hold what was found, the last one last, and `agree` whether it is as the one before."""

    def __init__(self, measured: Measured, most_levels: int, most_work: float, report: Report) -> None:
        self.measured, self.most_levels, self.most_work, self.report = measured, most_levels, most_work, report
        space = len(measured.coordinates)
        self.highest = 4 if space == 1 else 2
        self.terms: list[Term] = library(measured.values.shape[1], space, self.highest)
        self.degrees = (measured.order + 3, min(self.highest + 2, 6)) if space == 1 else (4,) * 3
        self.costs = (
            np.log(measured.values.size)
            + 2 * np.log(len(self.terms))
            + SETTINGS.bit * np.array([term.cost for term in self.terms])
        )
        self.functions = {
            e * len(self.terms) + j for e in range(self.d) for j, own in enumerate(self.terms) if own.function
        }
        self.levels: list[Level] = []
        self.noise = measured.deviation
        self.agree = False

    @property
    def d(self) -> int:
        return self.measured.values.shape[1]

    @property
    def last(self) -> Level | None:
        """The last level with a fit."""
        return next((level for level in reversed(self.levels) if level.best is not None), None)

    def run(self) -> None:
        """Search until two levels agree, or there are no more of them."""
        lattice, coefficients, size = self._first()
        starts = first = list[Start]()
        for number in range(self.most_levels + 1):
            level = self._prepared(lattice, coefficients, size)
            self.levels.append(level)
            self._show(number, level)
            if number == 0:
                starts = first = self._starts(level)
            self._solve(level, starts)
            if level.best is None:
                return
            if self._agrees() or (number >= self.most_levels):
                break
            best = level.best
            first = self._hopeful(level, first)
            again = [Start(own.support, own.constants) for own in (level.plain, best) if own is not None] + first
            if number == self.most_levels - 1:  # what is left is the floor, which must not buy terms
                if level.resolved:
                    break
                self.noise = self.noise * np.maximum(np.sqrt(best.left) / self.noise, 1.0)
                starts, coefficients = again, best.coefficients
                continue
            finer = Lattice.even(*self._ends(), [int(np.ceil(SETTINGS.finer[1] * c)) for c in lattice.cells],
                                 self.degrees)  # fmt: skip
            if finer.size * self.d * (self.d * finer.reach) ** 2 > self.most_work:
                break
            coefficients = lattice.moved(best.coefficients, finer)
            lattice, starts = finer, again
        self.agree = self._agrees()

    def _ends(self) -> tuple[Array, Array]:
        return self.measured.points.min(0), self.measured.points.max(0)

    def _first(self) -> tuple[Lattice, Array, float]:
        """The first lattice, a smooth field on it, and about how many parameters a smooth field needs."""
        measured = self.measured
        if measured.axes is None:
            each = max(4, int(0.6 * len(measured.points) ** (1 / measured.points.shape[1])))
            lattice = Lattice.even(*self._ends(), [each] * measured.points.shape[1], self.degrees)
            coefficients, noise = smoothed(lattice, self._rows(lattice), measured.values)
            size = 0.5 * lattice.size
        else:
            smooth = of_grid(measured, self.degrees)
            size = float(np.prod([c + 4 for c in smooth.cells]))
            cells = [min(int(np.ceil(SETTINGS.finer[0] * c)), m)
                     for c, m in zip(smooth.cells, smooth.most, strict=True)]  # fmt: skip
            lattice, noise = Lattice.even(*self._ends(), cells, self.degrees), smooth.noise
            coefficients, _ = smoothed(lattice, self._rows(lattice), measured.values)
        self.noise = np.maximum(noise, SETTINGS.exact * measured.deviation)
        return lattice, coefficients, size

    def _rows(self, lattice: Lattice) -> Rows:
        zero = (0,) * len(lattice.spaces)
        if self.measured.axes is not None:
            return lattice.on_grid(self.measured.axes, zero)
        return lattice.at(self.measured.points, zero)

    def _prepared(self, lattice: Lattice, coefficients: Array, size: float) -> Level:
        measured = self.measured
        rows, noise = self._rows(lattice), self.noise
        joint = Joint(lattice, rows, measured.values, self.terms, measured.order, coefficients, noise)
        rates = joint.state(coefficients)[1]
        time = measured.duration if measured.order == 1 else measured.duration**2 / 2
        unsure = noise * np.sqrt(min(size / len(measured.values), 1.0) * len(joint.places[0])) / time
        joint.tau = np.maximum(SETTINGS.tight * unsure, SETTINGS.of_rate * np.median(np.abs(rates), axis=0))
        return Level(lattice, joint, coefficients)

    def _starts(self, level: Level) -> list[Start]:
        """Where the search begins, powers before functions, the fewest terms first."""
        measured, lattice, found = self.measured, level.lattice, []
        held = measured
        if measured.axes is None and len(measured.coordinates) == 1:  # a grid of values of the smooth field
            axes = tuple(np.linspace(x.min(), x.max(), 61) for x in measured.points.T)
            values = lattice.on_grid(axes, (0, 0)).image(level.coefficients)
            held = Measured(
                np.zeros((len(values), 2)), values, axes, measured.names, measured.coordinates, measured.order
            )
        noise = self.noise if held is measured else 0 * self.noise
        for extra in self._extras():
            own = [strong(level.joint, level.coefficients, extra)]
            if held.axes is not None:
                own += [weak(held, lattice, level.coefficients, noise, self.terms, extra, width, measured.order)
                        for width in (0.5, 1.0, 2.0)]  # fmt: skip
            found += sorted(own, key=lambda start: sum(map(len, start.support)))
        return found

    def _extras(self) -> Iterator[Array]:
        """What terms cost beyond powers in regressions: first without functions, then with them."""
        functions = np.array([bool(term.function) for term in self.terms])
        costs = SETTINGS.bit * np.array([term.cost for term in self.terms])
        yield np.where(functions, np.inf, costs)
        yield costs

    def _is_plain(self, support: Support) -> bool:
        return not any(self.terms[j].function for own in support for j in own)

    def score(self, fit: Fit | None) -> float:
        """The cost of a fit and of its terms, lower is better; infinite for none."""
        if fit is None:
            return np.inf
        return fit.cost + float(sum(self.costs[list(own)].sum() for own in fit.support))

    def _solve(self, level: Level, starts: Sequence[Start]) -> None:
        """The best terms on one lattice: of powers, from the first start that reaches the noise; then of all.

        Sums of functions can be powers up to their highest ones, so that powers come first.
        """
        for start in sorted(starts, key=lambda start: sum(map(len, start.support))):
            if not self._is_plain(start.support):
                continue
            if level.plain is not None and self._reaches(level, level.plain) and _longer(start, level.plain):
                break
            fit = self._begun(level, start, self.functions)
            if fit is not None and self.score(fit) < self.score(level.plain) - _LESS:
                level.plain = fit
        level.best = level.plain
        if level.plain is not None and self._reaches(level, level.plain):
            level.best = self._descended(level, level.plain, set())
        else:
            for start in starts:
                fit = None if self._is_plain(start.support) else self._begun(level, start, set())
                if fit is not None and self.score(fit) < self.score(level.best) - _LESS:
                    level.best = fit
        if level.best is None:  # no start has a fit: a field that rests has one
            none = tuple(() for _ in range(self.d))
            level.best = self.fitted(level, none, [np.zeros(0)] * self.d, level.coefficients, (SETTINGS.loose, 1.0))
        level.resolved = level.best is not None and self._reaches(level, level.best)
        if level.best is not None:
            level.best = self._plainer(level, level.best)

    def _plainer(self, level: Level, best: Fit) -> Fit:
        """Where errors of integration are left, small and smooth, the fewest terms that leave less than twice as much.

        Such errors buy terms otherwise.
        """
        measured = self.measured
        relative = np.sqrt(best.left) / measured.deviation
        left = measured.values - level.joint.rows.image(best.coefficients)
        if (relative > SETTINGS.small).any() or (relative < SETTINGS.exact).all() or measured.is_white(left):
            return best
        most = SETTINGS.plainer**2 * best.left
        allowed = len(left) * float(np.sum(most / level.joint.sigma**2))
        while now := best.flat(len(self.terms)):
            right = self.right(best)
            model = quadratic(best.information, right, np.zeros(len(right)))
            found = min((tuple(k for k in now if k != i) for i in now), key=model)
            if model(found) - model(tuple(now)) > SETTINGS.far * allowed:
                break
            fit = self.fitted(level, *self.split(best, found, right), best.coefficients)
            if fit is None or (fit.left > most).any() or (fit.rest > level.joint.tau**2).any():
                break
            best = fit
        return best

    def _hopeful(self, level: Level, starts: Sequence[Start]) -> list[Start]:
        """Starts for finer cells: those that came near where these suffice, else all but the worse longer ones."""
        if level.resolved:
            most = SETTINGS.hopeless * self.score(level.best)
            return [own for own in starts if self.score(level.fits.get(own.support)) < most]
        ranked = sorted(starts, key=lambda own: (sum(map(len, own.support)), self.score(level.fits.get(own.support))))
        kept, least = list[Start](), np.inf
        for own in ranked:
            if own.support not in level.fits or self.score(level.fits[own.support]) < least:
                kept.append(own)
                least = min(least, self.score(level.fits.get(own.support)))
        return kept

    def _begun(self, level: Level, start: Start, banned: set[int]) -> Fit | None:
        """The best terms that a start leads to."""
        for own in self._possible(start):
            fit = self.fitted(level, own.support, own.constants, level.coefficients, (SETTINGS.loose, 1.0))
            if fit is not None and (less := self._counting(level, fit, fit.support, fit.constants))[0] != fit.support:
                fit = self.fitted(level, *less, fit.coefficients)
            if fit is not None:
                return self._descended(level, fit, banned)
        return None

    def _counting(
        self, level: Level, near: Fit, support: Support, constants: Sequence[Array]
    ) -> tuple[Support, list[Array]]:  # fmt: skip
        """The same without terms that make up hardly any of the rates, as errors of integration do in exact rows."""
        at, rates = level.joint.state(near.coefficients)
        size = SETTINGS.least_share * np.sqrt((rates**2).mean(0))
        kept = [
            [k for k, (j, value) in enumerate(zip(own, values, strict=True))
             if abs(value) * np.sqrt(np.mean(np.square(self.terms[j].value(at)))) > least]
            for own, values, least in zip(support, constants, size, strict=True)
        ]  # fmt: skip
        return (
            tuple(tuple(own[k] for k in mine) for own, mine in zip(support, kept, strict=True)),
            [np.asarray(values)[mine] for values, mine in zip(constants, kept, strict=True)],
        )

    def _possible(self, start: Start) -> Iterator[Start]:
        """A start, and without its high derivatives."""
        yield start
        low = [[k for k, j in enumerate(own) if self.terms[j].order <= 2] for own in start.support]
        yield Start(
            tuple(tuple(own[k] for k in kept) for own, kept in zip(start.support, low, strict=True)),
            tuple(own[kept] for own, kept in zip(start.constants, low, strict=True)),
        )

    def _reaches(self, level: Level, fit: Fit) -> bool:
        """Whether a fit leaves no more than the noise, and obeys its equation."""
        most = 1 + SETTINGS.noise / np.sqrt(2 * len(self.measured.values))
        return bool((np.sqrt(fit.left) < most * self.noise).all() and (fit.rest < level.joint.tau**2).all())

    def fitted(
        self, level: Level, support: Support, constants: Sequence[Array], coefficients: Array,
        stages: Sequence[float] = (1.0,),
    ) -> Fit | None:  # fmt: skip
        """A fit of these terms; None where there is none, or the equation is ill-posed."""
        if support not in level.fits:
            found = level.joint.fit(support, constants, coefficients, stages=stages)
            if found is not None and self._grows(level, found):
                found = None
            level.fits[support] = found
        return level.fits[support]

    def _grows(self, level: Level, fit: Fit) -> bool:
        measured = self.measured
        rate = growth(self.terms, fit.support, fit.constants, measured.values, level.lattice, measured.order)
        return rate * measured.duration > SETTINGS.growth

    def _descended(self, level: Level, best: Fit, banned: Collection[int]) -> Fit:
        """The best terms that changes by the quadratic model lead to."""
        count, banned = len(self.terms), set(banned)
        costs = np.tile(self.costs, self.d)
        for _ in range(SETTINGS.rounds):
            now, right = best.flat(count), self.right(best)
            found, _ = improved(
                quadratic(best.information, right, costs), len(right), now, SETTINGS.most_terms * self.d,
                banned | set(self.unseen(best)),
            )  # fmt: skip
            if list(found) == now:
                break
            support, constants = self.split(best, found, right)
            support, constants = self._counting(level, best, support, constants)
            if support == best.support:
                break
            if support in level.fits and self.score(level.fits[support]) >= self.score(best):
                break
            new = self.fitted(level, support, constants, best.coefficients)
            if new is None:  # ill-posed: without the highest derivatives that were added
                added = [i for i in found if i not in now]
                highest = max((self.terms[i % count].order for i in added), default=0)
                if not highest:
                    break
                banned |= {i for i in added if self.terms[i % count].order == highest}
                continue
            if self.score(new) >= self.score(best):
                break
            best = new
        return best

    def right(self, fit: Fit) -> Array:
        """S theta + g of the quadratic model, over all terms."""
        theta = np.zeros(len(fit.slope))
        theta[fit.flat(len(self.terms))] = np.concatenate(fit.constants)
        return np.asarray(fit.information @ theta + fit.slope)

    @staticmethod
    def unseen(fit: Fit) -> Collection[int]:
        """Terms of which the field says nothing."""
        size = np.diag(fit.information)
        return set(np.flatnonzero(~(size > 1e-12 * size.max())).tolist())

    def split(self, fit: Fit, flat: Sequence[int], right: Array) -> tuple[Support, list[Array]]:
        """The terms of each equation, and their constants by the quadratic model."""
        count, own = len(self.terms), list(flat)
        values = np.linalg.lstsq(fit.information[np.ix_(own, own)], right[own], rcond=1e-13)[0]
        support, constants = [], []
        for e in range(self.d):
            mine = [k for k, i in enumerate(own) if i // count == e]
            support.append(tuple(own[k] - e * count for k in mine))
            constants.append(values[mine])
        return tuple(support), constants

    def _agrees(self) -> bool:
        """Whether the last two levels have the same terms and nearly the same constants."""
        if len(self.levels) < 2:
            return False
        before, last = self.levels[-2:]
        if before.best is None or last.best is None or not (before.resolved and last.resolved):
            return False
        now = last.now()
        if before.now() != now or not now:
            return False
        errors = self.errors(last)
        values = np.concatenate(last.best.constants)
        change = np.abs(values - np.concatenate(before.best.constants))
        return bool((change < np.maximum(SETTINGS.agree * errors, SETTINGS.same * np.abs(values))).all())

    def errors(self, level: Level) -> Array:
        """The standard errors of the constants of the best fit."""
        assert level.best is not None
        own = level.now()
        covariance = np.linalg.pinv(level.best.information[np.ix_(own, own)], hermitian=True)
        return np.sqrt(np.abs(np.diag(covariance)))

    def moved(self) -> Array:
        """By how much cells may move the constants of the last level: their change from the level before."""
        last = self.last
        assert last is not None and last.best is not None
        values = np.concatenate(last.best.constants)
        least = SETTINGS.of_rate * np.abs(values)
        before = self.levels[-2] if len(self.levels) > 1 and last is self.levels[-1] else None
        if before is None or before.best is None or before.now() != last.now():
            return least
        return np.hypot(values - np.concatenate(before.best.constants), least)

    def _show(self, number: int, level: Level) -> None:
        cells, best = " x ".join(map(str, level.lattice.cells)), self.last
        shown = None if best is None or best.best is None else "; ".join(map(self._named, best.best.support))
        self.report(f"field of {cells} cells", number / (self.most_levels + 1), shown)

    def _named(self, support: Sequence[int]) -> str:
        written = (self.terms[j].written(self.measured.names, self.measured.coordinates) for j in support)
        return " + ".join(map(str, written)) or "0"


def _longer(start: Start, fit: Fit) -> bool:
    """Whether a start has more terms than a fit."""
    return sum(map(len, start.support)) > sum(map(len, fit.support))


_LESS = 1e-6  # by which a better score must be lower
