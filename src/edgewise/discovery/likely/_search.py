"""One search for formulas of rows that are judged by a likelihood."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy

from edgewise._deadline import Deadline, cut, now
from edgewise._typing import Array, Formula
from edgewise.discovery.judging import (
    ENOUGH,
    Candidate,
    Evidence,
    Outcome,
    Rival,
    encompassing,
    length,
    placed,
    wild,
)
from edgewise.discovery.knowledge import Gate
from edgewise.discovery.likelihoods import Binomial, CensoredNormal, Likelihood, Maximum, OfValues
from edgewise.discovery.likely._contest import LikelyContest, LikelyEntry, probability
from edgewise.discovery.likely._start import smooth, usual_probabilities
from edgewise.discovery.models import Ceiling
from edgewise.discovery.residuals import inspect
from edgewise.discovery.results import Discovery
from edgewise.discovery.search import Search
from edgewise.discovery.tables import NoiseModel, Settings, Table
from edgewise.formulas.expressions import FitData, complexity, evaluate, to_digits


@dataclass(frozen=True)
class LikelyTuning:
    """The numbers of a search by a likelihood."""

    shortlisted: int = 25  # forms of each search that are fitted by the likelihood
    folds: int = 5  # of rows, that constants are fitted without to judge formulas on them
    share: float = 0.85  # of the time, for searches; the rest is for judging
    misfit: float = 0.005  # chance below which the network knows something of the residuals
    shown: float = 1.0  # log-likelihood on rows left out that a formula of the front must be better by ...
    shown_each: float = 0.1  # ... and by that much for each unit of complexity
    rows_each: int = 4  # for each constant, with which a law is claimed at all
    rounded: int = 6  # formulas whose constants are rounded to simple numbers ...
    rounds: int = 3  # ... one after another
    fewest: int = 30  # measured rows with which a law is claimed where the noise is not known


_TUNING = LikelyTuning()


class LikelihoodSearch:
    """Searches of rows with working values, whose forms are then fitted, compared and claimed by the likelihood.

    Working values and weights have the slope and curvature of the log-likelihood around a smooth model, then around the
    best formula. Events are searched as log-odds and as probabilities; correlated rows as they are.
    """

    def __init__(self, table: Table, likelihood: Likelihood, settings: Settings) -> None:
        self.table, self.likelihood, self.settings = table, likelihood, settings
        self.began, self.end = now(), Deadline.after(settings.limit)
        self.contest = LikelyContest(FitData.of(table.names, table.x, table.y, table.weight), likelihood)
        self.gate = Gate(settings.knowledge, table.x, table.y)
        self.notes: list[str] = []
        self.ceiling: Ceiling | None = None
        self._forms: dict[Formula, None] = {}
        self._ended = Outcome.APPROXIMATE

    def run(self) -> Discovery:
        """Search, and return what was found."""
        try:
            if not cut(Deadline.after(_TUNING.share * self.settings.limit), self._search):
                self._ended = Outcome.TIME_LIMIT
        except KeyboardInterrupt:
            self._ended = Outcome.INTERRUPTED
        cut(self.end, self._judge)
        return self._discovery(self._entries())

    def _search(self) -> None:
        """Take what is usual of such rows; search each working table, the later ones around what was found by then."""
        if isinstance(self.likelihood, Binomial) and self.settings.knowledge.empty:
            usual, log_odds = usual_probabilities(self.table.names, self.table.x)
            self.contest.log_odds |= log_odds
            self._forms |= dict.fromkeys([*log_odds, *usual])
        for what, table, log_odds in self._working():
            left = _TUNING.share * self.settings.limit - (now() - self.began)
            asked = replace(self.settings, limit=left, noise=None, evaluations=self.settings.evaluations // 2)
            search = Search(table, asked)
            found = search.run()
            if found.outcome is Outcome.INTERRUPTED:
                raise KeyboardInterrupt
            self.notes.append(f"Searched {what}: {len(search.forms)} forms.")
            self.ceiling = self.ceiling if log_odds else found.ceiling
            rough = self.contest.shortlist(search.forms, most=_TUNING.shortlisted)
            if log_odds:
                self.contest.log_odds |= {probability(form): form for form in rough}
                rough = [probability(form) for form in rough]
            self._forms |= dict.fromkeys(rough)

    def _judge(self) -> None:
        """Fit every form that was found; then the best ones with simple numbers in place of constants."""
        self.contest.fit(self._forms)
        for _ in range(_TUNING.rounds if self.settings.rounding else 0):
            best = sorted(self._entries(), key=lambda each: each.cost)[: _TUNING.rounded]
            self.contest.fit([form for each in best for form in self.contest.rounded(each)])

    def _working(self) -> Iterator[tuple[str, Table, bool]]:
        """Yield what is searched, in words and as a table, and whether the target is log-odds."""
        start, likelihood = smooth(self.likelihood, self.table.names, self.table.x), self.likelihood
        if not isinstance(likelihood, OfValues) or not isinstance(likelihood, Binomial | CensoredNormal):
            yield "the rows as they are", self._of(self.table.y, self.table.weight), False
            return
        if isinstance(likelihood, Binomial) and self.settings.knowledge.empty:
            values = likelihood.events / likelihood.trials if start is None else start.values
            yield "log-odds of the events", self._of(*likelihood.log_odds(values)), True
        yield "working values around a smooth model", self._around(start), False
        if isinstance(likelihood, CensoredNormal):
            self.contest.fit(self._forms)
            best = self._best(self._entries())
            if best is not None:
                yield "working values around the best formula", self._around(best.likely), False

    def _around(self, start: Maximum | None) -> Table:
        if start is None or not isinstance(self.likelihood, OfValues):
            return self._of(self.table.y, self.table.weight)
        return self._of(*self.likelihood.working(start.values, start.theta))

    def _of(self, y: Array, weight: Array) -> Table:
        return Table.weighted(self.table.names, self.table.x, y, self.table.target, weight, False)

    def _entries(self) -> list[LikelyEntry]:
        """Return the forms that were fitted, each at its maximum, as far as they may be formulas of the rows."""
        return [entry for entry in self.contest.fitted if self._admits(entry)]

    def _admits(self, entry: LikelyEntry) -> bool:
        """Return whether a formula is as it has to be, its constants determined, and tame between the rows."""
        expression, table = entry.free.expression, self.table
        if not expression.free_symbols or not self.gate.admits(expression):
            return False
        assert entry.likely is not None
        if not np.isfinite(entry.likely.covariance).all() or wild(expression, table.names, table.x, table.y):
            return False
        return self.likelihood.admits(evaluate(expression, table.names, _between(table.x)))

    def _best(self, entries: Sequence[LikelyEntry]) -> LikelyEntry | None:
        return min(entries, key=lambda each: each.cost, default=None)

    def _candidate(self, entry: LikelyEntry) -> Candidate:
        """Return a formula with as many digits of its constants as the rows determine, and its held-out error."""
        expression = _shortened(entry)
        values = evaluate(expression, self.table.names, self.table.x)
        assert entry.likely is not None
        error = self.contest.error(self.likelihood, values, entry.likely.theta)
        return Candidate(expression, self.table.names, error, complexity(expression), self._held_out(entry))

    def _held_out(self, entry: LikelyEntry) -> float:
        """Return the error on rows that the constants were not fitted to."""
        found, constant = 0.0, 0.0
        fold = np.random.default_rng(self.settings.seed).permutation(len(self.table)) % _TUNING.folds
        for k in range(_TUNING.folds):
            inside, out = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            data, rest = self.contest.data.rows(fold != k), self.likelihood.rows(out)
            for which, start in enumerate((entry.likely, self.contest.constant)):
                assert start is not None
                at = self.contest.at(start.free, self.likelihood.rows(inside), data) or start
                values = at.tape.values([column[out] for column in self.contest.data.columns], at.free.values)
                size = rest.size(values, at.theta) * len(out) if np.isfinite(values).all() else math.inf
                found, constant = (found + size, constant) if which == 0 else (found, constant + size)
        return math.sqrt(found / max(constant, 1e-300))

    def _discovery(self, entries: Sequence[LikelyEntry]) -> Discovery:
        best = self._best(entries)
        flat = self._constant()
        if best is None:
            return self._found([flat], flat, self._ended, (), None, self.contest.constant.theta)
        kept = self._front(entries, best)
        shown = {id(entry): self._candidate(entry) for entry in kept}
        kept = _falling(kept, shown)
        shown = {id(entry): shown[id(entry)] for entry in kept}
        rivals = self.contest.rivals(best.expression, [(each.expression, each.error) for each in entries])
        rivals = [Rival(self._written(each.expression), each.lead) for each in rivals]
        outcome = self._claim(best, rivals)
        chosen = shown[id(best)]
        leads = tuple(self.contest.lead(best, each) for each in kept)
        away = tuple(each.lead for each in rivals)
        constant = 2 * self.contest.constant.loss - best.criterion
        evidence = Evidence((constant, *leads), away)
        assert best.likely is not None
        theta = best.likely.theta
        self.notes += self.likelihood.summary(best.values, theta, best.likely.errors, len(best.free.values)).notes
        return self._found([flat, *shown.values()], chosen, outcome, tuple(rivals), evidence, theta)

    def _written(self, form: Formula) -> Formula:
        """Return a form with its constants at the maximum, as many digits as the rows determine."""
        entry = self.contest.entry(form)
        return _shortened(entry) if isinstance(entry, LikelyEntry) else form

    def _constant(self) -> Candidate:
        value = sympy.Float(f"{self.contest.constant.free.values[0]:.8g}")
        return Candidate(value, self.table.names, 1.0, 1, 1.0)

    def _front(self, entries: Sequence[LikelyEntry], best: LikelyEntry) -> list[LikelyEntry]:
        """Return the formulas up to the best that no simpler one beats by its likelihood, simplest first."""
        sizes = {id(each): complexity(each.free.expression) for each in entries}
        kept: list[LikelyEntry] = []
        for each in sorted(entries, key=lambda e: (sizes[id(e)], e.cost)):
            if each is best or (sizes[id(each)] < sizes[id(best)] and (not kept or each.cost < kept[-1].cost)):
                kept.append(each)
            if each is best:
                break
        return kept

    def _claim(self, best: LikelyEntry, rivals: Sequence[Rival]) -> Outcome:
        """Return what the best formula is claimed to be."""
        n, k = int(self.likelihood.measured.sum()), len(best.free.values)
        if self._ended is not Outcome.APPROXIMATE:
            return self._ended
        enough = isinstance(self.likelihood, Binomial) or n >= _TUNING.fewest  # the noise of events is known
        if not enough or n < _TUNING.rows_each * k or self._saved(best) < ENOUGH:
            return Outcome.TOO_FEW_ROWS
        if self._contradicted(best):
            return Outcome.APPROXIMATE
        return Outcome.AMBIGUOUS if rivals else Outcome.NOISE

    def _saved(self, best: LikelyEntry) -> float:
        """Return the bits that a formula saves against a constant: of the chance of its likelihood, less its length."""
        from scipy.stats import chi2

        assert best.likely is not None
        gain = 2 * (self.contest.constant.loss - best.likely.loss)
        chance = -float(chi2.logsf(max(gain, 0.0), max(len(best.free.values) - 1, 1))) / math.log(2)
        form = placed(best.free.template, best.free.symbols)
        return chance - length(form, len(self.table.names))

    def _contradicted(self, best: LikelyEntry) -> bool:
        """Return whether residuals depend on inputs, vary otherwise than they should, or the network knows of them."""
        assert best.likely is not None
        values, theta = best.values, best.likely.theta
        left = self.likelihood.residual(values, theta)
        if inspect(self.table.x, left, ordered=False).misfit or self.likelihood.is_doubtful(values, len(theta)):
            return True
        if self.ceiling is None or not isinstance(self.likelihood, Binomial | CensoredNormal):
            return False
        rows, network = self.ceiling.left_out()
        y, weight = self.likelihood.working(values, theta)
        there = values[rows]
        chance = encompassing(weight[rows] * (y[rows] - there), weight[rows] * (network - there))
        return chance < _TUNING.misfit

    def _found(
        self, kept: list[Candidate], best: Candidate, outcome: Outcome, rivals: tuple[Rival, ...],
        evidence: Evidence | None, theta: Array,
    ) -> Discovery:  # fmt: skip
        table, noise = self.table, NoiseModel(self.likelihood.name, self.likelihood.level(theta), rows=len(self.table))
        facts: dict[str, object] = {"seed": self.settings.seed, "time limit": self.settings.limit}
        facts |= {"evaluations": self.settings.evaluations, "seconds": now() - self.began}
        return Discovery(
            kept, best, outcome, 0.0, False, table.names, table.target, table.x, table.y, self.notes, facts,
            self.ceiling, table.weight, noise, rivals=rivals, evidence=evidence, likelihood=self.likelihood,
        )  # fmt: skip


def _falling(kept: list[LikelyEntry], shown: Mapping[int, Candidate]) -> list[LikelyEntry]:
    """Return formulas, simplest first, each of which leaves less of rows left out than those before; the last stays."""
    found: list[LikelyEntry] = []
    least = 1.0
    for each in kept:
        if each is kept[-1] or shown[id(each)].held_out < least:
            found.append(each)
            least = min(least, shown[id(each)].held_out)
    return found


def _shortened(entry: LikelyEntry) -> Formula:
    """Return a formula with as many digits of each constant as the rows determine, the others being held."""
    rise = 0.005  # of the loss, up to which constants are rounded
    best = entry.likely
    assert best is not None
    with np.errstate(all="ignore"):
        errors = 1 / np.linalg.norm(best.linear.root, axis=0)
    for finer in (1, 10, 100, 1000):
        short = [to_digits(v, float(e) / finer) for v, e in zip(best.free.values, errors, strict=True)]
        if best.at(np.append([float(number) for number in short], best.theta)) <= best.loss + rise:
            return best.free.template.xreplace(dict(zip(best.free.symbols, short, strict=True)))
    return best.free.expression


def _between(x: Array) -> Array:
    """Return the rows x (n, m), and points on lines from row to row."""
    count = 400
    rng = np.random.default_rng(0)
    a, b = rng.integers(len(x), size=(2, count))
    share = rng.uniform(0, 1, (count, 1))
    return np.vstack([x, x[a] * share + x[b] * (1 - share)])
