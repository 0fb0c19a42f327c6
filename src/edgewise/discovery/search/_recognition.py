"""What kind of noise a table has, and which of its rows do not belong to it, by the best flexible model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from edgewise._robust import HUBER, NORMAL, huber_weights
from edgewise._typing import Array
from edgewise.discovery.judging import Candidate
from edgewise.discovery.models import Ceiling, far_rows, isolated_cells, neighbor_correlation, residual_of_most
from edgewise.discovery.search._noise import white_limit
from edgewise.discovery.search._tuning import TUNING
from edgewise.discovery.tables import (
    EXACT,
    KINDS,
    NoiseModel,
    Settings,
    Table,
    covered,
    drawn_rows,
    listed,
    recognized,
)


@dataclass(frozen=True)
class Recognized:
    """The table as it is to be judged, the network of it, and whether to search for exact laws again."""

    table: Table
    ceiling: Ceiling
    restart: bool = False


def without_isolated(table: Table) -> Table:
    """Return a table without the rows of cells that lie far from all others; the same where there are none."""
    far = isolated_cells(np.column_stack([table.x, table.y])).any(axis=1)
    return table.without(np.flatnonzero(far)) if far.any() and len(table) >= TUNING.kept * table.noise.rows else table


def recognize(table: Table, settings: Settings) -> Recognized:
    """Fit the network, set rows aside that are no noise, and weigh the others by the kind of noise of the residuals."""
    rounds = 3  # of setting rows aside and fitting the network again
    like_new = 0.5  # times the error with all rows: below, the search without rows that were set aside starts restart
    network = _Network(settings.seed)
    ceiling, fitted = network.of(table)
    own = settings.noise is None and not table.noise.given  # the kind of noise was not given
    before = network.error(table, fitted)
    kept = table
    for _ in range(rounds):
        far = far_rows(kept.x, kept.y - fitted, _spread(kept, fitted, own))
        if not len(far) or len(kept) < TUNING.kept * table.noise.rows:
            break
        kept = kept.without(far)
        ceiling, fitted = network.of(kept)
    restart = kept is not table and network.error(kept, fitted) < like_new * before
    if own and not restart:
        kept, ceiling, fitted = _weighed(network, kept, ceiling, fitted)
    if settings.loss == "huber" and not restart:
        kept = _lessened(kept, _of_most(kept, kept.y - fitted, settings.seed))
        ceiling, _ = network.of(kept)
    return Recognized(kept, ceiling, restart)


def recognize_again(table: Table, settings: Settings, values: Array) -> Recognized | None:
    """Return the table and the network weighed by the noise around a formula's values (n,), None where it is additive.

    A formula can leave less than the network does, whose own errors hide what the noise depends on.
    """
    if settings.noise is not None or settings.loss != "squared" or table.noise.varies or table.noise.given:
        return None
    if not np.isfinite(values).all() or not recognized(values, table.y).varies:
        return None
    network = _Network(settings.seed)
    ceiling, fitted = network.of(table)
    kept, again, _ = _weighed(network, table, ceiling, fitted, values)
    return None if kept is table else Recognized(kept, again)


class _Network:
    """Fits the flexible model to tables."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def of(self, table: Table) -> tuple[Ceiling, Array]:
        """Return the model and its values (n,), at rows that it was fitted to from folds that did not see them."""
        drawn = drawn_rows(len(table), TUNING.modeled, self.seed)
        rows = table.rows(drawn)
        of = Ceiling.of_logarithms if _has_logarithms(table) else Ceiling.of
        parts = rows.names, rows.x, rows.y, rows.weight**2
        ways = [rows.wide] if table.relative or not rows.wide else [(), rows.wide]
        ceiling = min((of(*parts, seed=self.seed, logs=logs) for logs in ways), key=lambda each: each.held_out)
        fitted = ceiling.predict(table.x)
        fitted[drawn[ceiling.fit.rows]] = ceiling.fit.of(ceiling.fit.held_out)[:, 0]
        return ceiling, fitted

    @staticmethod
    def error(table: Table, fitted: Array) -> float:
        """Return the root mean square residual with equal weights; where noise is relative, of relative residuals."""
        size = np.abs(fitted) if table.relative else 1.0
        with np.errstate(all="ignore"):
            return float(np.sqrt(np.mean(((table.y - fitted) / size) ** 2)))


def _has_logarithms(table: Table) -> bool:
    """Return whether noise is relative and the logarithm of the target defined: then all errors of that are alike.

    Weights of 1 / |y| would favor small values: what is measured too low by chance would count more.
    """
    return table.relative and bool((table.y > 0).all())


def _spread(table: Table, fitted: Array, own: bool) -> Array:
    """Return the standard deviation (n,) of each row's noise, up to a factor."""
    return recognized(fitted, table.y).sigma(fitted) if own else 1 / table.weight


def _weighed(
    network: _Network, table: Table, ceiling: Ceiling, fitted: Array, values: Array | None = None
) -> tuple[Table, Ceiling, Array]:
    """Return the table weighed by the kind of noise that residuals show, and its network.

    The noise stays what it was unless a network with the new weights shows the same, predicts rows left out about as
    well, counted alike, and leaves white residuals. Where the network leaves much, the noise is noted and the weights
    stay. Residuals are those of a formula's `values` (n,) where it has some.
    """
    as_good = 1.01  # times the error of the network with equal weights, counted alike: what weights may cost it
    clear = 0.2  # of the standard deviation: where the network leaves more, weights stay equal
    relative = NoiseModel("relative", share=1.0)
    around = fitted if values is None else values
    noise = recognized(around, table.y)
    if not noise.varies and not table.relative:
        return table, ceiling, fitted
    noise = noise if noise.varies else relative
    other = table.judged_by(noise, noise.weights(around, table.y))
    again, refitted = network.of(other)
    if values is None:
        noise, around = recognized(refitted, table.y), refitted
        noise = relative if table.relative and not noise.varies else noise
        other = other.judged_by(noise, noise.weights(refitted, table.y))
    residual = torch.from_numpy(other.weight * (other.y - around))
    if table.relative:
        return other, again, refitted
    if (
        not noise.varies
        or network.error(table, refitted) > as_good * network.error(table, fitted)
        or neighbor_correlation(torch.from_numpy(other.x), residual) > white_limit(len(other))
    ):
        return table, ceiling, fitted
    if network.error(table, fitted) > clear * float(np.std(table.y)):
        return replace(table, noise=other.noise), ceiling, fitted
    return other, again, refitted


def _of_most(table: Table, residual: Array, seed: int) -> Array:
    """Return the network's residuals (n,), or those of a plane through most rows that explains them about as well.

    A flexible model follows far rows at the ends of a column. Both are compared by Student's likelihood.
    """
    as_well = 8.0  # units of the log-likelihood that the network may be better by
    plane = residual_of_most(table.x, table.y, seed)
    own, other = (KINDS["additive"].likeliest(table.y - each, each).likelihood for each in (residual, plane))
    return plane if other > own - as_well else residual


def robust(table: Table, rows: Table, seed: int) -> Table:
    """Return a table with Huber's weights, by the residuals of a network of `rows`: the same rows, other columns."""
    _, fitted = _Network(seed).of(rows)
    return _lessened(table, rows.y - fitted)


def _lessened(table: Table, residual: Array) -> Table:
    """Return the table with Huber's weights: rows whose residuals are far from most count less."""
    half = 0.5
    weighted = table.weight * residual
    share = huber_weights(weighted, HUBER * NORMAL * float(np.median(np.abs(weighted))))
    lessened = tuple(int(k) for k in table.numbers[share < half])
    noise = replace(table.noise, loss="huber", lessened=lessened)
    return table.judged_by(noise, table.weight * np.sqrt(share))


def measured(table: Table, best: Candidate) -> NoiseModel:
    """Return the noise of a table in the units of its target: what a formula leaves. With Huber's loss, by the median.

    Fitted constants take away as many degrees of freedom; where they differ by group, the variance is as estimated.
    """
    noise, values = table.noise, best.predict(table.x)
    if best.error < EXACT:
        return noise.scaled(0.0)
    residual = table.y - values
    with np.errstate(all="ignore"):
        z = residual * (table.weight if noise.given else noise.weights(values, table.y))
    z = z[np.isfinite(z)]
    if not len(z):
        return noise
    if noise.loss == "huber":
        return noise.scaled(NORMAL * float(np.median(np.abs(z))))
    if best.by_group is not None:
        return noise.scaled(float(np.sqrt(np.mean(z**2))) * best.by_group.fit.sigma / best.error)
    return noise.scaled(float(np.sqrt(np.sum(z**2) / max(len(z) - best.fitted, 1))))


def scale_note(table: Table) -> list[str]:
    """Return in which scale rows are weighed, where it is not that of the target."""
    if not table.relative or table.noise.given:
        return []
    return [f"Errors are weighed relative to {table.target}: the target covers {covered(table.y):.1f} decades."]


def descriptions(noise: NoiseModel) -> list[str]:
    """Return what was recognized, in sentences."""
    lines = [f"The noise looks {noise.form.looks}."] if noise.form.looks else []
    if noise.outliers:
        lines.append(
            f"{listed(noise.outliers, noise.rows)} set aside: far from all others, or from the flexible model."
        )
    return lines
