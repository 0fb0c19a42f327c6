"""From a table to formulas: the search that a table asks for, of its groups, some of its columns, or all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Literal, Unpack, cast

import numpy as np

from edgewise._checks import is_int, is_number
from edgewise._deadline import Deadline, cut, now
from edgewise._effort import EffortWord, work_of
from edgewise._errors import InputError, unknown
from edgewise._progress import Shown, reporting
from edgewise._typing import Array, Data
from edgewise._workers import checked_jobs
from edgewise.discovery._request import Request, RowWeights, checked_loss, inputs_of, requests, with_table_units
from edgewise.discovery._scattered import Scattered, check_combined, with_likelihood
from edgewise.discovery.groups import GroupSearch
from edgewise.discovery.judging import Outcome
from edgewise.discovery.knowledge import Knowledge, Known
from edgewise.discovery.likelihoods import Censored
from edgewise.discovery.likely import LikelihoodSearch
from edgewise.discovery.results import Discoveries, Discovery, fitted_to_all
from edgewise.discovery.search import Search, journal_of, screen
from edgewise.discovery.tables import Loss, Missing, Settings, Table
from edgewise.kernels import one_thread


def search_table(request: Request, settings: Settings, *, models: bool = True) -> Discovery:
    """Search formulas for one table, and return them for tables as that one came."""
    columns = request.prepared.columns
    if request.likelihood is not None:
        return LikelihoodSearch(request.table, request.likelihood, settings).run().of(columns)
    if request.prepared.codes is not None:
        return GroupSearch(request.table, request.prepared, settings).run().of(columns)
    found = _searched(request, settings, models=models)
    return replace(found, repeated=request.prepared.repeated) if len(found.y) == len(request.prepared.rows) else found


def _searched(request: Request, settings: Settings, *, models: bool) -> Discovery:
    """Search formulas for one table without groups."""
    columns, began = request.prepared.columns, now()
    if models and len(settings.knowledge.names or request.table.names) > 15 and settings.knowledge.empty:
        return _of_many(request, settings)
    allowed = request.table.of_columns(settings.knowledge.names or request.table.names)
    found = _whole(Search(allowed, settings).run(models=models), request.table)
    if settings.knowledge.empty and settings.loss == "squared":
        found = fitted_to_all(found, lambda: now() - began > settings.limit)
    return found if request.prepared.plain and not columns.notes else found.of(columns)


def _whole(found: Discovery, table: Table) -> Discovery:
    """Return what was found without forbidden columns as formulas of all columns."""
    if found.names == table.names:
        return found
    every = {c.expression: replace(c, names=table.names) for c in (*found.candidates, found.best)}
    return replace(
        found, candidates=[every[c.expression] for c in found.candidates], best=every[found.best.expression],
        names=table.names, x=table.x,
    )  # fmt: skip


def _of_many(request: Request, settings: Settings) -> Discovery:
    """Search some of many columns, unless a law is found in all of them straight from the table."""
    first = 5  # names of inputs that a note lists
    directly, screening = 0.4, 0.2  # of the time, at most: for laws straight from the table, and for choosing columns
    table, columns, began = request.table, request.prepared.columns, now()
    journal = journal_of(table, settings, Deadline.after(settings.limit).passed)
    found = Search(table, replace(settings, limit=directly * settings.limit), journal).run(models=False)
    if found.outcome in (Outcome.EXACT, Outcome.INTERRUPTED):
        return found.of(columns) if columns.notes else found
    kept = np.arange(len(table.names))
    try:
        chosen: list[Array] = []
        cut(Deadline.after(screening * settings.limit), lambda: chosen.append(screen(table, settings.seed)))
        kept = chosen[0] if chosen else kept
    except KeyboardInterrupt:
        return replace(found, outcome=Outcome.INTERRUPTED)
    if len(kept) < len(table.names):
        others = [name for k, name in enumerate(table.names) if k not in {*kept.tolist()}]
        listed = ", ".join(map(repr, others[:first])) + (", ..." if len(others) > first else "")
        note = (
            f"Of {len(table.names)} inputs {len(kept)} were searched: a network's values depend on the others little, "
            f"and they are not among the most correlated ({listed})."
        )
        table, columns = table.keep(kept), columns.keep(kept, note)
    left = settings.limit - (now() - began)
    if left <= 0:  # no other forms were tried, so nothing is claimed
        found, columns = replace(found, outcome=Outcome.TIME_LIMIT), request.prepared.columns
        return found.of(columns) if columns.notes else found
    inner = replace(settings, limit=left, knowledge=settings.knowledge.inside(table.names))
    found = Search(table, inner, journal).run()
    if settings.loss == "squared":
        found = fitted_to_all(found, lambda: now() - began > settings.limit)
    return found.of(columns) if columns.notes else found


_EFFORTS: dict[EffortWord, int] = {"quick": 30_000, "normal": 150_000, "thorough": 1_500_000}


def discover(  # noqa: PLR0913 (what a search may be asked)
    x: Data,
    y: Data | Censored,
    names: Sequence[str] | None = None,
    *,
    target: str | Sequence[str] | None = None,
    noise: Literal["auto", "exact"] | float = "auto",
    sigma: Data | str | None = None,
    weights: Data | str | None = None,
    loss: Loss = "squared",
    rounding: bool = True,
    groups: str | None = None,
    trials: Data | str | None = None,
    correlated: Data | str | bool | None = None,
    missing: Missing | None = None,
    effort: EffortWord | int = "normal",
    seed: int = 0,
    time_limit: float | None = None,
    n_jobs: int | None = None,
    save: str | Path | None = None,
    resume: str | Path | None = None,
    progress: Shown = "auto",
    **known: Unpack[Known],
) -> Discovery:
    """Find formulas y = f(x) for a table, from simple to accurate.

    Exact laws are looked for first: power laws, polynomials and rational functions straight from the table, short
    formulas by evolution, and symmetries (scalings, translations, columns without effect) that each remove one column.
    A table of measurements seldom follows one: then an additive network is fitted and read as formulas, formulas
    evolve, and all are judged on rows that they were not fitted to, and by their agreement with the network.

    Without `sigma` and `weights` the kind of noise is recognized (`found.noise_model`): additive, relative, both, or
    counts. Outlying rows are set aside and listed. If the target has one sign and spans more than four decades, errors
    are relative. `found.notes` reports what happened to columns and rows.

    With the same seed the result is the same, for any number of workers, unless time runs out; Ctrl-C ends the search
    and returns what was found. `found.settings["work done"]` says how much of the work was done by then.

    Parameters
    ----------
    x : (n, n_in)
        The inputs: an array, a tensor or a DataFrame. Each level of a text column becomes an input of 0 or 1; dates
        count days or years. Rows with gaps are left out.
    y : (n,)
        The target: an array, a tensor or a Series with its name. If y has several columns, each target is searched
        separately. Cells of text as "<0.05" and ">100" are censored, as are those of an `edgewise.Censored`: formulas
        are judged by the Tobit likelihood.
    names
        Names of the inputs; None for those of a DataFrame, or x1, x2, ...
    target
        Name of the target, or a list of names; None for that of a Series, or y.
    noise
        "auto" (estimated), "exact", or the noise divided by the standard deviation of the target.
    sigma : (n,)
        The standard error of each y, or the name of a column of the DataFrame x, which is then no input; None if
        unknown.
    weights : (n,)
        Factors of the squared residuals, or the name of a column of the DataFrame x, which is then no input; None for
        equal ones.
    loss
        "squared", or "huber", which reduces the influence of large residuals.
    rounding
        Whether constants of noisy data become simple numbers (2, 3/2, pi) if these lie within their standard errors and
        that is no coincidence; otherwise all stay as they are fitted.
    groups
        Name of a column of x: all groups share the form of a formula, and constants may differ between them, drawn from
        a normal distribution (`found.groups`, `found.best.by_group`). None for no groups.
    trials : (n,)
        Number of trials of which y are the events, a number or a column's name, which is then no input: formulas are
        probabilities, judged by the binomial likelihood. None where y is measured.
    correlated
        True for errors that are correlated with those of the row before, or the positions of the rows, as times (n,),
        or the name of a column: formulas are judged by the likelihood of such errors. None for independent errors.
    missing
        "indicator" keeps rows with gaps and adds an input that marks the gap.
    effort
        "quick", "normal", "thorough", or the number of formulas that evolution tries.
    seed
        Seed of what is drawn.
    time_limit
        Seconds, kept to 10 % and half a second; None for no limit.
    n_jobs
        Number of joblib workers, -1 for one on each core; they are threads unless `joblib.parallel_config` says
        otherwise.
    save
        File that the search is saved to every few seconds; None for no file.
    resume
        File of a saved search of the same table and settings, which is continued.
    progress
        Whether to show a line: True, False, or "auto" (on a terminal or in a notebook, after 2 s). A function is
        called with the stage, the fraction done and the best formula.
    **known
        What you know of the formula: `functions` that may occur, columns to `require` and to `forbid`,
        `max_complexity`, `units`, `guesses`, a `template` with unknown parts "?", and what its `constants` are, where
        it is `monotone` and its `limits`. Every formula but the constant is as they say (docs/discovery.md, "What you
        know"); with `groups` that of each group is, and `template` and `limits` are refused. `units="table"` takes the
        units that the data frame has in `x.attrs["units"]`, `units=table` those of a table from
        `edgewise.io.read_table`.

    Returns
    -------
    Discovery
        The formulas; for several targets a `Discoveries`, a mapping from target to Discovery.

    Raises
    ------
    InputError
        For wrong shapes, infinities, a constant target, fewer than 5 complete rows, bad names, standard errors that are
        not positive, negative weights, knowledge that makes no sense, and a file to resume from that belongs to another
        search.

    References
    ----------
    Gradients as detectors of structure: Udrescu et al., AI Feynman 2.0 (2020); variable projection and networks as
    here: this project, docs/design/discovery.md.

    Examples
    --------
    >>> import edgewise as ew, torch
    >>> x = torch.rand(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    >>> ew.discover(x, x[:, 0] * x[:, 1] + 2, names=["a", "b"]).best.expression
    a*b + 2
    """
    if not is_int(seed, 0, 2**62 - 1):
        raise InputError(f"'seed' must be an int from 0 to 2^62. Got {seed!r}.")
    if not isinstance(rounding, bool):
        raise InputError(f"'rounding' must be True or False. Got {rounding!r}.")
    of_rows = RowWeights.of(x, sigma, weights)
    scattered = Scattered.of(x, y, trials, correlated)
    check_combined(
        scattered,
        {
            "groups": groups, "save": save, "resume": resume, "loss": _unless(loss, "squared"),
            "noise": _unless(noise, "auto"),
        },
        weighted=of_rows.weight is not None,
    )  # fmt: skip
    limit = math.inf if time_limit is None else time_limit
    tries = work_of(effort, _EFFORTS, "formulas to evaluate")
    settings = Settings(
        _noise(noise), int(seed), limit, tries, loss=checked_loss(loss), rounding=rounding,
        n_jobs=checked_jobs(n_jobs), save=_path(save, "save"), resume=_path(resume, "resume"),
    )  # fmt: skip
    _check_known(known)
    _for_groups(groups, known)
    tables = requests(inputs_of(x, sigma, weights, trials), scattered.y, names, target, missing, groups, of_rows)
    tables = [with_likelihood(each, scattered, of_rows.known) for each in tables]
    if len(tables) > 1 and (save is not None or resume is not None):
        raise InputError("'save' and 'resume' are for one target. Search each target on its own.")
    found: dict[str, Discovery] = {}
    with reporting(progress) as shown, one_thread():
        for each in tables:
            own, given = with_table_units(each, known, x, y)
            knowledge = Knowledge.of(own.in_inputs(given), own.inputs, own.table.target)
            last = search_table(own, replace(settings, progress=shown, knowledge=knowledge))
            found[each.table.target] = last
            if last.outcome is Outcome.INTERRUPTED:
                break
    return last if len(tables) == 1 else cast("Discovery", Discoveries(found))


def _unless(given: object, usual: str) -> object:
    """Return an argument, None where it is as usual."""
    return None if isinstance(given, str) and given == usual else given


def discover_directly(
    x: Data,
    y: Data,
    names: Sequence[str] | None = None,
    *,
    target: str | None = None,
    noise: Literal["auto", "exact"] | float = "auto",
    sigma: Data | str | None = None,
    weights: Data | str | None = None,
    **known: Unpack[Known],
) -> Discovery:
    """Find formulas y = f(x) straight from a table, without a model of it: the first two steps of `discover`.

    Power laws, polynomials, rational functions, and functions of one variable where x has one column. It takes
    about a second and has no time limit: the same arguments give the same result anywhere.

    Parameters
    ----------
    x : (n, n_in)
        The inputs, as in `discover`.
    y : (n,)
        The target.
    names
        Names of the inputs; None for those of a DataFrame, or x1, x2, ...
    target
        Name of the target.
    noise
        "auto" (estimated), "exact", or the noise divided by the standard deviation of the target.
    sigma : (n,)
        The standard error of each y, or the name of a column of x; None if unknown.
    weights : (n,)
        Factors of the squared residuals, or the name of a column of x; None for equal ones.
    **known
        What you know of the formula, as in `discover`: it turns formulas away, and guesses are fitted; a template needs
        a search.

    Raises
    ------
    InputError
        As `discover` does, and for a template.

    Examples
    --------
    >>> import numpy as np
    >>> from edgewise.discovery import discover_directly
    >>> x = np.random.default_rng(0).uniform(1, 2, (50, 2))
    >>> discover_directly(x, x[:, 0] ** 2 / x[:, 1], names=["a", "b"]).best.expression
    a**2/b
    """
    if known.get("template") is not None:
        raise InputError("'template' needs a search: use edgewise.discover.")
    of_rows = RowWeights.of(x, sigma, weights)
    (each,) = requests(inputs_of(x, sigma, weights), y, names, target, None, None, of_rows)
    each, given = with_table_units(each, known, x, y)
    knowledge = Knowledge.of(each.in_inputs(given), each.inputs, each.table.target)
    with one_thread():
        return search_table(each, Settings(_noise(noise), knowledge=knowledge), models=False)


def _check_known(known: Mapping[str, object]) -> None:
    """Raise where a keyword is none of `discover`, with all that there are."""
    own = [name for name in signature(discover).parameters if name != "known"]
    for key in known:
        if key not in Known.__annotations__:
            raise unknown("argument of discover", key, [*own, *Known.__annotations__])


def _for_groups(groups: str | None, known: Mapping[str, object]) -> None:
    """Raise InputError for knowledge that does not go with constants by group: these move forms and limits."""
    for key in ("template", "limits"):
        if groups is not None and known.get(key) is not None:
            raise InputError(
                f"'groups' cannot be combined with {key!r}: constants by group change the form and what it tends to. "
                "Leave one of them out."
            )


def _noise(noise: object) -> float | None:
    if isinstance(noise, str) and noise in ("auto", "exact"):
        return None if noise == "auto" else 0.0
    if not is_number(noise, 0) or noise >= 1:
        raise InputError(
            f"'noise' must be 'auto', 'exact' or a number in [0, 1): noise over the target's spread. Got {noise!r}."
        )
    return float(noise)


def _path(path: object, name: str) -> Path | None:
    if path is not None and (not isinstance(path, (str, Path)) or not str(path)):
        raise InputError(f"'{name}' must be the path of a file. Got {path!r}.")
    return None if path is None else Path(path)
