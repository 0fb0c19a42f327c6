"""A search in logarithms: of a positive target over decades whose logarithm scatters evenly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import sympy

from edgewise._deadline import now
from edgewise._typing import Formula, Part
from edgewise.discovery.judging import Candidate
from edgewise.discovery.models import Ceiling, logarithms
from edgewise.discovery.results import Discovery
from edgewise.discovery.search._course import Course
from edgewise.discovery.search._naming import Naming
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import KINDS, WIDE, NoiseModel, Settings, Table, covered
from edgewise.formulas.expressions import complexity, evaluate, shorten


@dataclass(frozen=True)
class Logarithms:
    """A table, the columns `logs` that are searched by their logarithms, and the decades that its target covers."""

    table: Table
    logs: tuple[str, ...]
    decades: float

    @classmethod
    def of(cls, table: Table, settings: Settings, plain: Ceiling, *, weighed: bool) -> Logarithms | None:
        """Return how a table is searched in logarithms, None where the target scatters more evenly as it is.

        The log-likelihood of a network's residuals for rows left out decides: that of a network of the logarithm, less
        the sum of the logarithms, must be above that of `plain`, the network of the target, with errors of one size,
        and about as good as with relative ones. Each is by Student's distribution, as for kinds of noise. The former
        takes columns that cover decades by their logarithms, unless it predicts better with columns as they are, or
        with the logarithms of all positive ones. Where errors are small next to the values, logarithms are taken only
        if rows are not `weighed` by their values and errors of one size are far less likely.
        """
        clear, far = 8.0, 24.0  # units of the log-likelihood that tell one kind of errors from another
        few, fewest = 0.1, 15  # relative noise up to which squares and logarithms are alike; rows
        as_well = 1.03  # times the least error of a network: columns that cover decades are taken by logarithms
        known = settings.noise is not None or table.noise.given or not settings.knowledge.empty
        wide = bool((table.y > 0).all()) and covered(table.y) > WIDE
        if known or not settings.logarithms or not wide or len(table) < fewest:
            return None
        rows = table.sample(TUNING.modeled, settings.seed)
        choices = dict.fromkeys((rows.wide, (), rows.positive))
        ways = [Ceiling.of(rows.names, rows.x, np.log(rows.y), seed=settings.seed, logs=logs) for logs in choices]
        least = min(each.held_out for each in ways)
        best = next(each for each in ways if each.held_out <= as_well * least)
        place, values = best.left_out()
        logs = np.log(rows.y[place])
        sized = KINDS["additive"].likeliest(values, logs - values)
        before, there = plain.left_out()
        additive, relative = (
            KINDS[name].likeliest(there, rows.y[before] - there).likelihood for name in ("additive", "relative")
        )
        likelihood = sized.likelihood - float(logs.sum())
        alike = sized.level < few and (weighed or likelihood < additive + far)
        if alike or likelihood < max(additive + clear, relative - clear):
            return None
        return cls(table, best.logs, covered(table.y))

    @property
    def inner(self) -> Table:
        """The table of the logarithms."""
        table, before = self.table, self.table.noise
        noise = NoiseModel(level=1.0, outliers=before.outliers, rows=before.rows)
        x = logarithms(table.names, table.x, self.logs)
        return replace(table, x=x, y=np.log(table.y), weight=np.ones(len(table)), noise=noise, logs=self.logs)

    def asked(self, course: Course, evaluations: int) -> Settings:
        """Return what the search in logarithms is asked for: what is left of the time and of the evaluations."""
        left, progress = max(course.end.at - now(), 0.05), course.settings.progress

        def show(stage: str, fraction: float, best: str | None) -> None:
            if progress is not None:
                progress(f"{stage}, in logarithms", fraction, None)

        return replace(course.settings, limit=left, evaluations=evaluations, logarithms=False, progress=show)

    def note(self) -> str:
        """Return in which scale rows are weighed, and why."""
        name = self.table.target
        of = ", ".join((name, *self.logs))
        return f"{name} covers {self.decades:.1f} decades, and its logarithm scatters evenly: searched in logs of {of}."

    def lifted(self, found: Discovery, seed: int) -> Discovery:
        """Return the formulas of the target that a discovery of its logarithm stands for.

        Errors are those of the logarithm. Weights are one over the values of the best formula.
        """
        table = self.table.rows(np.flatnonzero(~np.isin(self.table.numbers, found.noise_model.outliers)))
        leads = found.evidence.leads if found.evidence is not None else (0.0,) * len(found)
        pairs = sorted(
            ((self._candidate(each), lead, each is found.best) for each, lead in zip(found, leads, strict=True)),
            key=lambda pair: (pair[0].complexity, pair[0].held_out),
        )
        kept: list[tuple[Candidate, float, bool]] = []
        for pair in pairs:
            if pair[2] or not any(other.held_out <= pair[0].held_out for other, _, _ in kept):
                kept.append(pair)
        best = next(each for each, _, chosen in kept if chosen)
        values = evaluate(best.expression, table.names, table.x)
        noise = found.noise_model
        share = float(np.sqrt(np.sum(np.log(table.y / values) ** 2) / max(len(table) - best.fitted, 1)))
        noise = replace(noise, kind="relative", level=0.0, share=noise.level if noise.loss == "huber" else share)
        ceiling = found.ceiling and replace(
            Ceiling.of_logarithms(table.names, table.x, table.y, logs=self.logs), held_out=found.ceiling.held_out
        )
        inner = np.ones(len(table)) if found.weight is None else found.weight
        weight = inner / values
        names = Naming(replace(table, weight=np.abs(weight)), seed, inner)
        candidates = [names.named(each) for each, _, _ in kept]
        best = next(each for each, (_, _, chosen) in zip(candidates, kept, strict=True) if chosen)
        return replace(
            found, candidates=candidates, best=best, relative=True, x=table.x, y=table.y,
            ceiling=ceiling, weight=weight, noise_model=noise, logarithmic=True,
            evidence=found.evidence and replace(found.evidence, leads=tuple(lead for _, lead, _ in kept)),
            rivals=tuple(replace(each, expression=self._of(each.expression)) for each in found.rivals),
        )  # fmt: skip

    def _candidate(self, candidate: Candidate) -> Candidate:
        form = self._of(candidate.expression)
        return replace(candidate, expression=form, complexity=complexity(form))

    def _of(self, expression: Formula) -> Formula:
        """Return the formula of the target that a formula of its logarithm stands for."""
        digits = 8  # of constants
        columns: dict[Part, Part] = {sympy.Symbol(name): sympy.log(sympy.Symbol(name)) for name in self.logs}
        return shorten(sympy.exp(expression.xreplace(columns)), digits)
