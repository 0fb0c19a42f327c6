"""From smooth curves to the best system: libraries from plain to rich, and formulas of `discover`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import sympy

from edgewise._progress import Report
from edgewise._typing import Array
from edgewise.dynamics._contest import FLOOR, Contest, widened
from edgewise.dynamics._fit import Chains, substeps_for
from edgewise.dynamics._formulas import rate_formulas
from edgewise.dynamics._hidden import starts, with_hidden
from edgewise.dynamics._library import Library, forcing, polynomials, sines, state_symbols
from edgewise.dynamics._measured import Measured
from edgewise.dynamics._regression import Curve, smooth, spread_of
from edgewise.dynamics._search import Scored, Search, begin
from edgewise.dynamics._settings import SETTINGS
from edgewise.dynamics._shooting import Stretches, integrate
from edgewise.dynamics._standing import Standing
from edgewise.dynamics._starts import Ground, frequencies, saturating, started, supports


@dataclass(frozen=True)
class Found:
    """A scored system, and the library in which it was found."""

    scored: Scored
    library: Library

    @cached_property
    def key(self) -> tuple[tuple[str, ...], ...]:
        """The terms of each equation, in words."""
        system = self.scored.system
        return tuple(
            tuple(sorted(str(system.terms.expressions[k]) for k in np.flatnonzero(row))) for row in system.mask
        )


@dataclass
class Explorer:
    """The search over libraries: `short` are systems fitted in single stretches, `long` those in chains of `size`.

    `floor` is the part of a state's standard deviation below which errors count as none: a search begins with a high
    one, at which small errors, as those of integration, buy no terms, and goes on while lower ones gain. What
    the last one found that did not gain is kept as `finer`, for the contest.
    """

    data: Measured
    report: Report
    effort: int
    seed: int
    short: list[Found] = field(default_factory=list)
    long: list[Found] = field(default_factory=list)
    finer: list[Found] = field(default_factory=list)
    size: int = 1
    substeps: int | None = None
    floor: float = SETTINGS.exact
    contest: Contest | None = None

    @cached_property
    def _smooth(self) -> tuple[list[Curve], Array]:
        return smooth(self.data)

    @cached_property
    def ground(self) -> Ground:
        return Ground.of(self.data, self._smooth[0])

    @property
    def _level(self) -> Array:
        """The standard deviation (d,) of the noise in a search, at least the floor."""
        return np.maximum(self.noise, self.floor * self.data.deviation)

    @cached_property
    def noise(self) -> Array:
        """The standard deviation of the noise (d,), as smooth curves see it."""
        return np.maximum(self._smooth[1], SETTINGS.exact * self.data.deviation)

    @cached_property
    def at(self) -> Stretches:
        return Stretches.of(self.data, self.ground.stretch)

    @cached_property
    def nodes(self) -> Array:
        """The states at the beginnings of stretches, from smooth curves."""
        return begin(self.data, self.ground.curves, self.at)

    def run(self) -> None:
        """Search libraries one after the other, then fit the best systems in chains as long as they are predictable."""
        self._say("smooth curves", 0.0)
        spread = spread_of(self.data, *self._smooth)
        if (spread != 1).any():
            self.data = replace(self.data, spread=spread)
            del self._smooth
        if self.data.hidden:
            self._with_hidden()
            self._lengthen()
            if not self._hidden_gains():
                self.data, self.short, self.long = replace(self.data, hidden=()), [], []
                self.__dict__.pop("ground", None)
                self.run()
            return
        above = (self.noise / self.data.deviation).min()
        for floor in [each for each in SETTINGS.floors if each > above] or [SETTINGS.exact]:
            former, kept, self.floor = self.floor, self.short, floor
            before = self._refitted()
            self.short = list(before)
            self._search(first=not before)
            if before and not self._gained(before[0]):
                self.finer = self.front()
                self.short, self.floor = kept, former
                break
        self._lengthen()
        self._contend()

    def _with_hidden(self) -> None:
        """Fit the systems with a hidden state that the derivatives of smooth curves propose, and improve the best."""
        self._say("a hidden state", 0.1)
        library, made = starts(self.ground)
        begins = np.array([times[0] for times in self.at.times])
        tried: list[tuple[Scored, Search]] = []
        for start in made:
            nodes = with_hidden(self.nodes, begins, start)
            self.substeps = substeps_for(start.system, nodes, self.at.times, self._level)
            search = Search(self.data, library, self._chains(1))
            found = search.scored(start.system, nodes)
            if found is not None:
                tried.append((found, search))
        for found, search in sorted(tried, key=lambda each: each[0].score)[: SETTINGS.finalists]:
            search.improved(found)
            self.short += [Found(each, library) for each in search.seen.values() if each]

    def _hidden_gains(self) -> bool:
        """Return whether the best system with a hidden state is better than polynomials of the measured ones alone."""
        plain, m = Explorer(replace(self.data, hidden=()), self.report, 0, self.seed), self.data.n_observed
        for library in (polynomials(m, 2), polynomials(m, 3 if m > 1 else 5)):
            plain._explore(library)
        plain._lengthen()
        if self.best is None or not plain.chains.whole or plain.best is None:
            return True
        start = np.log(self.data.size) * len(self.data.pieces())  # of the hidden state, one more of each trajectory
        return self.best.score + start + SETTINGS.hidden_cost < plain.best.score

    def _search(self, *, first: bool) -> None:
        """Search libraries one after the other, until what is left looks like noise; some in any case at `first`."""
        for stage, (name, made, needed) in enumerate(self._libraries()):
            if (needed and first) or self.best is None or not self.adequate(self.best):
                self._say(name, 0.1 * (stage + 1))
                library = made()
                if library is not None:
                    self._explore(library)

    def _refitted(self) -> list[Found]:
        """Return the best systems so far, fitted again at the present floor."""
        out: list[Found] = []
        if self.best is not None:
            best = self.best
            self.substeps = substeps_for(best.system, best.fitted.nodes, self.at.times, self._level)
        for each in sorted(self.short, key=lambda f: f.scored.score)[: SETTINGS.finalists]:
            found = Search(self.data, each.library, self._chains(1)).scored(
                each.scored.system, each.scored.fitted.nodes
            )
            out += [Found(found, each.library)] if found else []
        return sorted(out, key=lambda f: f.scored.score)

    def _gained(self, before: Found) -> bool:
        """Return whether the best system is better than one before, by the rows that count."""
        best = self.chosen()
        assert best is not None
        one, two = (self._standing(each) for each in (before, best))
        return one.gain(two) > 0

    def _standing(self, found: Found) -> Standing:
        search = Search(self.data, found.library, self._chains(1))
        fitted = found.scored.fitted
        floors, cost = search.floors, search.penalty(fitted.system)
        return Standing.of(fitted.linear.residuals, self.data.seen, floors, cost, fitted.system.n_parameters)

    @property
    def best(self) -> Scored | None:
        """The best so far."""
        found = self.chosen()
        return None if found is None else found.scored

    def chosen(self) -> Found | None:
        """Return the best so far, with its library."""
        if self.contest is not None:
            return Found(self.contest.shown.scored, self.contest.wide.library)
        return min(self.long or self.short, key=lambda f: f.scored.score, default=None)

    def front(self) -> list[Found]:
        """Return the best system of each number of constants, as long as more constants leave less."""
        best: dict[int, Found] = {}
        found = self.long or self.short
        if self.contest is not None:
            found = [Found(each.scored, self.contest.wide.library) for each in self.contest.pool]
        for each in found:
            count = each.scored.system.n_parameters
            if count not in best or each.scored.score < best[count].scored.score:
                best[count] = each
        out: list[Found] = []
        for count in sorted(best):
            if not out or best[count].scored.fitted.mean_square < out[-1].scored.fitted.mean_square:
                out.append(best[count])
        return out

    def adequate(self, scored: Scored) -> bool:
        """Return whether what is left looks like noise."""
        return self.data.like_noise(scored.fitted.squares)

    def _libraries(self) -> Iterator[tuple[str, Callable[[], Library | None], bool]]:
        """Yield the name of each library, what makes it, and whether it is searched in any case."""
        m, own = self.data.n_arguments, self._own
        if self.data.prior.only:
            yield "own terms", lambda: own, True
            return
        cubic = polynomials(m, 3 if m > 1 else 5)
        heard: list[float] = []
        if own is not None:
            cubic = own + cubic
        yield "quadratic terms", lambda: polynomials(m, 2) if own is None else own + polynomials(m, 2), True
        yield "cubic terms", lambda: cubic, True
        yield "sines", lambda: cubic + sines(m), True
        heard = [] if self.data.inputs else frequencies(self.ground, 3 if m <= 3 else 2)
        yield "forcing", lambda: cubic + sines(m) + forcing(m, heard), bool(heard)
        yield "saturation", lambda: saturating(self.ground, 2), False
        if self.effort:
            yield "formulas", lambda: self._with_formulas(m), False

    @cached_property
    def _own(self) -> Library | None:
        """The terms of a person's own, with start values of the constants within them."""
        prior, m = self.data.prior, self.data.n_arguments
        if not prior.own:
            return None
        library = Library(m, prior.own, (2.0,) * len(prior.own), prior.inner, (1.0,) * len(prior.inner))
        return started(self.ground, library)

    def _with_formulas(self, m: int) -> Library | None:
        found = rate_formulas(self.ground, self.effort, self.seed)
        return None if found is None else polynomials(m, 2) + found

    @property
    def chains(self) -> Chains:
        """The chains that the best systems were fitted in."""
        return self._chains(self.size)

    def _chains(self, size: int) -> Chains:
        return Chains(self.at, size, self._level, self.substeps or 1, self.floor)

    def _explore(self, library: Library) -> None:
        """Fit the supports that regressions on integrals propose, and improve the best one."""
        library, systems = supports(replace(self.ground, floor=self.floor), library)
        if self.best is None or not self.adequate(self.best):  # a wrong system may need many more steps than the right
            self.substeps = substeps_for(systems[0], self.nodes, self.at.times, self._level)
        search = Search(self.data, library, self._chains(1))
        systems.append(
            replace(systems[0], mask=np.zeros_like(systems[0].mask), coefficients=0 * systems[0].coefficients)
        )
        tried = [found for found in (search.scored(s, self.nodes) for s in systems) if found]
        if tried:
            best, known = min(tried, key=lambda found: found.score), self.best
            near = known is None or best.score < known.score + SETTINGS.near_library
            if near and (best.fitted.squares < SETTINGS.hopeless).all():
                search.improved(best)
        self.short += [Found(each, library) for each in search.seen.values() if each]

    def _lengthen(self) -> None:
        """Fit the best systems in longer and longer chains, and improve them there."""
        pool: dict[object, Found] = {}
        for found in sorted(self.short, key=lambda f: f.scored.score):
            pool.setdefault(found.key, found)
        ranked = [*pool.values()]
        of_library = {id(found.library): found for found in reversed(ranked)}  # the best one of each
        current = [f for k, f in enumerate(ranked) if k < SETTINGS.finalists or of_library[id(f.library)] is f]
        longest = len(self.at.rows)
        sizes = [*(size for size in SETTINGS.chain_sizes if size < longest), longest]
        for stage, size in enumerate(sizes):
            self._say("long stretches", 0.7 + 0.3 * stage / len(sizes))
            results = [self._longer(each, size) for each in current]
            best = [result[0] for result in results if result]
            if not best:
                break
            current = sorted(best, key=lambda f: f.scored.score)
            self.long, self.size = [f for result in results if result for f in result], size
        best = self.chosen()
        if best is not None and self.long:
            search = Search(self.data, best.library, self._chains(self.size))
            limit = SETTINGS.small_jump * len(self.at.rows)
            thin = [each for each in search.thinned(best.scored) if each.fitted.gaps <= limit]
            self.long += [Found(each, best.library) for each in thin]

    def _longer(self, found: Found, size: int) -> list[Found] | None:
        """Return a system and those near it in chains of another size, the best first; None if it cannot follow."""
        search = Search(self.data, found.library, self._chains(size))
        before = found.scored.fitted.squares + search.floors
        start = search.scored(found.scored.system, found.scored.fitted.nodes)
        if start is None or start.fitted.gaps > SETTINGS.small_jump * len(self.at.rows):
            return None
        best = search.improved(start)
        if (best.fitted.squares > SETTINGS.growth * before + 0.1).any():
            return None
        whole = [
            each
            for each in search.seen.values()
            if each and each.fitted.gaps <= SETTINGS.small_jump * len(self.at.rows)
        ]
        return [Found(each, found.library) for each in sorted(whole, key=lambda each: each is not best)]

    def _contend(self) -> None:
        """Compare what was found with systems of other terms, which no library held."""
        found = (self.long or self.short) + self.finer
        if not found:
            return
        self._say("other forms", 0.95)
        base = found[0].library
        for each in found[1:]:
            base = base + each.library
        best = min(self.long or self.short, key=lambda f: f.scored.score)
        fitted, least = best.scored.fitted, FLOOR * self.data.deviation
        left = np.clip(np.sqrt(fitted.squares) * self.noise, least, np.maximum(least, self.noise))
        self.substeps = max(self.substeps or 1, substeps_for(fitted.system, fitted.nodes, self.at.times, left))
        states = integrate(best.scored.system, best.scored.fitted.nodes, self.at.times, self.substeps or 1)[:, :-1]
        states, wide, front = states[self.at.rows >= 0], widened(base, self.ground), [*self.front(), *self.finer]
        along = self.ground.states()
        at = Stretches.of(self.data, min(SETTINGS.short_stretch, self.ground.stretch))
        parts = len(at.rows) / len(self.at.rows)
        for size in (len(at.rows), max(1, round(self.size * parts))):
            contest = Contest(self.data, wide, Chains(at, size, self.noise, self.substeps or 1), along)
            for each in front:
                contest.enter(each.scored.system, states[at.rows[:, 0]])
            if self.size == len(self.at.rows) or any(self.adequate(each.scored) for each in contest.pool):
                break
        if contest.pool:
            contest.run()
            self.at, self.size, self.contest, self.floor = at, size, contest, SETTINGS.exact

    def _say(self, stage: str, fraction: float) -> None:
        found = self.chosen()
        text = None
        if found is not None:
            names = {
                z.name: name for z, name in zip(state_symbols(self.data.n_arguments), self.data.arguments, strict=True)
            }
            shown = {sympy.Symbol(z, real=True): sympy.Symbol(n) for z, n in names.items()}
            system = found.scored.system
            rows = [
                [str(system.terms.expressions[k].xreplace(shown)) for k in np.flatnonzero(row)] for row in system.mask
            ]
            text = " | ".join(", ".join(row) or "0" for row in rows)
        self.report(stage, min(fraction, 0.99), text)
