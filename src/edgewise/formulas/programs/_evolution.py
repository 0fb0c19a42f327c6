"""The search for formulas by evolution: the best programs of each complexity, in one part or in several at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np

from edgewise._checks import is_int
from edgewise._deadline import Deadline, whole
from edgewise._errors import InputError, unknown
from edgewise._typing import Array
from edgewise.formulas.programs import _cpu_layout as layout
from edgewise.formulas.programs._expression import FUNCTIONS
from edgewise.formulas.programs._fit import Fitted, Rows
from edgewise.formulas.programs._kernels import RECORD, address
from edgewise.formulas.programs._program import Program
from edgewise.formulas.programs._starts import Library, shapes_of, starts
from edgewise.formulas.programs._tabulated import tables, tabulated_names

_SLOTS = 16  # programs that are kept of each complexity
#: how often evolution draws each operation
_CHANCES = {
    "add": 4, "sub": 1, "mul": 4, "div": 2.5, "square": 1, "cube": 0.5, "sqrt": 0.7, "exp": 1, "log": 1, "sin": 0.7,
    "cos": 0.7, "tanh": 0.8, "power": 0.3, "tabulated": 1,
}  # fmt: skip
_LONGEST_SEED = layout.LONGEST - 2


class Ending(Protocol):
    """Something that says when time is up, as `edgewise._deadline.Deadline`."""

    def passed(self) -> bool: ...


class Evolution:
    """Searches formulas of a table by evolution; the same seed gives the same formulas, whatever the clock.

    For each complexity, the 16 programs of lowest error are kept; there is no other selection. Children come from a
    shape of the library that best explains the residual of their parent (30 %), from the exchange of subtrees (25 %)
    and from mutations (45 %); each is fitted on 128 rows, and on all rows if it is promising. The search starts from
    plain formulas: linear and quadratic ones, power laws, sums of shapes, also inside exp, square and reciprocal.

    `weights` (n,) multiply squared residuals. `functions` are the allowed ones of `FUNCTIONS` and of those that were
    registered, all if None; + - * / are always allowed. `seeds` are programs to start from too. With `waves`, each half
    period of a sine or cosine beyond the first counts as one node: noise is easily fitted by fast waves. Time is
    proportional to the number of rows: a few hundred are enough to search.

    Shapes: x (n, n_columns), y (n,).

    Raises:
        InputError: arrays do not fit together, are not finite, a function is not known, or a number is out of range.

    >>> x = np.random.default_rng(0).uniform(0.5, 3, (200, 2))
    >>> search = Evolution(x, 2 + 3 * x[:, 0] * np.exp(-x[:, 1]), max_complexity=10)
    >>> search.run(2000)
    2000
    >>> best = min(search.front(), key=lambda entry: entry.error)
    >>> best.error < 1e-20, best.program.predict(np.array([[1.0, 0.0]])).round(6)
    (True, array([5.]))

    Source: levenberg-marquardt in genetic programming as Kommenda et al. (2020); the table as in Operon and PySR.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        *,
        weights: Array | None = None,
        seed: int = 0,
        max_complexity: int = 30,
        functions: Collection[str] | None = None,
        seeds: Iterable[Program] = (),
        waves: bool = False,
    ) -> None:
        if not is_int(seed, 0):
            raise InputError(f"'seed' must be a whole number from 0 on. Got {seed!r}.")
        if not is_int(max_complexity, 1, layout.LONGEST):
            raise InputError(
                f"'max_complexity' must be a whole number from 1 to {layout.LONGEST}. Got {max_complexity!r}."
            )
        allowed = _allowed(functions)
        rng = np.random.default_rng(seed)
        rows = Rows.of(x, y, weights)
        order = rng.permutation(len(rows))  # children are screened on the first rows
        self._rows = replace(
            rows, columns=rows.columns[:, order], target=rows.target[order], weights=rows.weights[order]
        )
        self._library = Library.of(shapes_of(self._rows.columns, allowed, rng), self._rows.columns)
        self._bins = max_complexity + 1
        self._functions, self._waves = allowed, waves
        own = tables([name for name in tabulated_names() if name in allowed])
        self._make_memory(int(rng.integers(2**63 - 1)), own)
        for shape in starts(self._rows, self._library, max_complexity, allowed):
            if len(shape) <= _LONGEST_SEED:
                self._add(Program.of(shape))
        for program in seeds:
            self.add(program)

    def _make_memory(self, random: int, own: tuple[Array, Array]) -> None:
        """Make the arrays that the kernels work on, and the job that names them; `own`: tables, and places in them."""
        values, places = own
        functions = self._functions | {"tabulated"} if len(places) else self._functions
        self._job = self._rows.job()
        self._population = np.zeros((self._bins, _SLOTS), RECORD)
        self._population["error"] = np.inf
        self._children, self._added, snippet = (np.zeros(k, RECORD) for k in (layout.BATCH, 1, 1))
        self._random = np.array([random])
        self._tried = np.zeros(layout.TRIES_WORDS, np.int64)
        self._evaluations, self._place = 0, layout.BATCH
        unary = (*FUNCTIONS, "tabulated")
        chances = [_CHANCES.get(name, 0) if name not in unary or name in functions else 0 for name in layout.NAMES]
        self._arrays: dict[int, Any] = {
            layout.RANDOM: self._random,
            layout.POPULATION: self._population,
            layout.FRONT: np.zeros(self._bins, np.int64),
            layout.CHILDREN: self._children,
            layout.CHANCES: np.cumsum(np.array(chances, dtype=float)),
            layout.LIBRARY: self._library.records,
            layout.LIBRARY_VALUES: self._library.values,
            layout.OTHER_TREE: np.zeros(layout.TREE_WORDS, np.int64),
            layout.SNIPPET: snippet,
            layout.TRIED: self._tried,
            layout.TABLES: values,
            layout.TABLE_PLACES: places,
        }
        numbers = {
            layout.BINS: self._bins,
            layout.SLOTS: _SLOTS,
            layout.COLUMN_COUNT: len(self._rows.columns),
            layout.LIBRARY_SIZE: len(self._library.records),
            layout.WITH_WAVES: int(self._waves),
            layout.TABLE_COUNT: len(places),
        }
        for word, array in self._arrays.items():
            self._job.words[word] = address(array)
        for word, number in numbers.items():
            self._job.words[word] = number

    def split(self, count: int) -> list[Self]:
        """Return copies that go on from here, each with its own random numbers.

        >>> x = np.random.default_rng(0).uniform(0.5, 3, (50, 1))
        >>> parts = Evolution(x, np.exp(-x[:, 0]) + x[:, 0], max_complexity=8).split(2)
        >>> [part.run(64) for part in parts], len({int(part.state()["random"][0]) for part in parts})
        ([64, 64], 2)
        """
        copies = [copy(self) for _ in range(count)]
        for number, each in enumerate(copies):
            each._random[:] = np.random.default_rng([int(self._random[0]), number]).integers(2**63 - 1, size=1)
        return copies

    @whole
    def meet(self, others: Sequence[Evolution]) -> None:
        """Take in the best programs of other searches with the same arguments, which then go on with them too."""
        same = 1e-7  # relative difference of the errors of programs that are taken for the same
        every = [self._population.copy(), *(each._population for each in others)]
        errors = np.concatenate([population["error"] for population in every], axis=1)
        order = np.argsort(errors, axis=1, kind="stable")
        for own, (row, places) in enumerate(zip(errors, order, strict=True)):
            error = row[places]
            new = np.isfinite(error)
            with np.errstate(invalid="ignore"):  # infinite errors of free places
                new[1:] &= error[1:] - error[:-1] > same * error[1:]
            best = places[new][:_SLOTS]
            for slot, place in enumerate(best):
                self._population[own, slot] = every[place // _SLOTS][own, place % _SLOTS]
            self._population["error"][own, len(best) :] = np.inf
        for each in others:
            each._population[...] = self._population

    def __getstate__(self) -> dict[str, Any]:
        library = replace(self._library, shapes=[], whole=np.zeros((0, 0)))
        kept = {"_rows": self._rows, "_library": library, "_bins": self._bins}
        kept |= {"_functions": self._functions, "_waves": self._waves, "state": self.state()}
        return kept | {"own": (self._arrays[layout.TABLES], self._arrays[layout.TABLE_PLACES])}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        state = kept["state"]
        self.__dict__.update({name: value for name, value in kept.items() if name.startswith("_")})
        self._make_memory(0, kept["own"])
        self.restore(state)

    @property
    def evaluations(self) -> int:
        """The number of children so far."""
        return self._evaluations

    @property
    def lowest_error(self) -> float:
        """The lowest mean squared residual so far."""
        return float(self._population["error"].min()) * self._rows.unit**2

    def run(self, evaluations: int, deadline: Ending | None = None) -> int:
        """Make and judge a number of children; returns how many, fewer only where the deadline has passed.

        Two runs of 500 give what one of 1000 gives. The deadline is looked at every 64 children at most.
        """
        if not is_int(evaluations, 0):
            raise InputError(f"'evaluations' must be a whole number from 0 on. Got {evaluations!r}.")
        done, words = 0, self._job.words
        words[layout.STEPS] = 0
        while done < evaluations and not (deadline is not None and deadline.passed()):
            if self._place == layout.BATCH:
                self._job.run("breed")
                self._place = 0
            count = min(layout.BATCH - self._place, evaluations - done)
            words[layout.FIRST], words[layout.LAST] = self._place, self._place + count
            self._job.run("select")
            self._place += count
            done += count
        self._evaluations += done
        return done

    def add(self, program: Program) -> None:
        """Fit a program's constants and let it take part; one that is too complex or undefined on a row is left out."""
        if program.columns and program.columns[-1] >= len(self._rows.columns):
            raise InputError(f"The program reads column {program.columns[-1]}. Got {len(self._rows.columns)} columns.")
        self._add(self._rows.inside(program))

    def _add(self, program: Program) -> None:
        seed_steps = 8  # of the fits of programs that are added
        words = self._job.words
        program.write(self._added[0])
        words[layout.CHILDREN], words[layout.STEPS] = address(self._added), seed_steps
        words[layout.FIRST], words[layout.LAST] = 0, 1
        self._job.run("select")
        words[layout.CHILDREN] = address(self._children)

    def front(self, k: int = 1) -> list[Fitted]:
        """Return the k most accurate programs of each complexity, simple ones first."""
        if not is_int(k, 1):
            raise InputError(f"'k' must be a whole number from 1 on. Got {k!r}.")
        found = []
        for row in self._population:
            for slot in np.argsort(row["error"], kind="stable")[:k]:
                if np.isfinite(row[slot]["error"]) and np.isfinite(row[slot]["weights"]).all():
                    program = self._rows.outside(Program.from_record(row[slot]))
                    found.append(Fitted(program, float(row[slot]["error"]) * self._rows.unit**2))
        return found

    def state(self) -> dict[str, Array]:
        """Return all that changes in a search, as arrays: a search with the same arguments goes on from there."""
        counts = np.array([self._evaluations, self._place])
        return {"counts": counts} | {name: array.copy() for name, array in self._changing.items()}

    def restore(self, state: dict[str, Array]) -> None:
        """Go on from what `state` of a search with the same arguments returned."""
        changing = self._changing
        for name, array in changing.items():
            given = state.get(name)
            if given is None or given.shape != array.shape or given.dtype != array.dtype:
                raise InputError(f"The state does not fit this search: {name!r} is missing or of another shape.")
        self._evaluations, self._place = (int(number) for number in state["counts"])
        for name, array in changing.items():
            array[...] = state[name]

    @property
    def _changing(self) -> dict[str, Array]:
        names: Sequence[str] = ("population", "children", "random", "tried")
        return dict(zip(names, (self._population, self._children, self._random, self._tried), strict=True))


def _allowed(functions: Collection[str] | None) -> frozenset[str]:
    if functions is None:
        return frozenset((*FUNCTIONS, *tabulated_names()))
    if isinstance(functions, str):
        raise InputError(f"'functions' must list names, like ['exp', 'log']. Got {functions!r}.")
    for name in functions:
        if name not in (*FUNCTIONS, *tabulated_names()):
            raise unknown("function", name, (*FUNCTIONS, *tabulated_names()))
    return frozenset(functions)


_SHARED = "population"  # which all islands have after they met

State = dict[str, Array]


class Mapping(Protocol):
    """What calls a function with each of several tuples of arguments, and returns the results in their order."""

    def __call__(self, function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> list[Any]: ...


def in_turn(function: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Return the results of a function for each of several tuples of arguments, in this thread."""
    return [function(*each) for each in arguments]


class Islands:
    """An evolution that was split: islands go on apart, and meet after 2048 children each.

    Where they meet, the best 16 programs of each complexity go on from all of them. `mapping` may let workers run the
    islands, threads or processes: the result is the same, whatever it is.

    >>> x = np.random.default_rng(0).uniform(0.5, 3, (200, 2))
    >>> search = Islands(Evolution(x, 2 + 3 * x[:, 0] * np.exp(-x[:, 1]), max_complexity=10), 2)
    >>> search.run(2000), search.evaluations
    (2000, 2000)
    >>> min(entry.error for entry in search.front()) < 1e-20
    True
    """

    def __init__(self, start: Evolution, count: int, mapping: Mapping = in_turn) -> None:
        self._best, *self._islands = start.split(count + 1)
        self._mapping = mapping

    @property
    def evaluations(self) -> int:
        """The number of children so far."""
        return sum(island.evaluations for island in self._islands)

    def run(self, evaluations: int, deadline: Deadline | None = None) -> int:
        """Make and judge a number of children; returns how many, fewer only where the deadline has passed."""
        begun, islands = self.evaluations, self._islands
        goal = begun + evaluations
        while self.evaluations < goal and not (deadline is not None and deadline.passed()):
            shares = _shares(goal - self.evaluations, len(islands))
            left = None if deadline is None else deadline.left()
            legs = [(_Leg(island, share, left),) for island, share in zip(islands, shares, strict=True)]
            states = self._mapping(_gone_on, legs)
            for island, state in zip(islands, states, strict=True):
                if state is not None:
                    island.restore(state)
            self._best.meet(islands)
        return self.evaluations - begun

    def front(self, k: int = 1) -> list[Fitted]:
        """Return the k most accurate programs of each complexity at the last meeting, simple ones first."""
        return self._best.front(k)

    def state(self) -> State:
        """Return all that changes, as arrays, once islands have met."""
        states = [island.state() for island in self._islands]
        own = {name: np.stack([state[name] for state in states]) for name in states[0] if name != _SHARED}
        return own | {_SHARED: self._best.state()[_SHARED]}

    def restore(self, state: State) -> None:
        """Go on from what `state` of a search with the same arguments returned."""
        for number, island in enumerate(self._islands):
            own = {name: array[number] for name, array in state.items() if name != _SHARED}
            island.restore(own | {_SHARED: state[_SHARED]})
        self._best.meet(self._islands)


def _shares(evaluations: int, count: int) -> Sequence[int]:
    """Return how many children each island makes until they meet."""
    apart = 2048  # children of each island between two meetings
    total = min(evaluations, apart * count)
    return [total * (k + 1) // count - total * k // count for k in range(count)]


@dataclass(frozen=True)
class _Leg:
    """What an island does until the next meeting. `sent`: the island is a copy that was sent to another worker."""

    island: Evolution
    evaluations: int
    seconds: float | None
    sent: bool = False

    def __reduce__(self) -> tuple[type[_Leg], tuple[Evolution, int, float | None, bool]]:
        return _Leg, (self.island, self.evaluations, self.seconds, True)


def _gone_on(leg: _Leg) -> State | None:
    """Let an island make its children, or fewer where time is up; return the state of one that was sent.

    Nobody else looks at the island meanwhile, even if its search is interrupted.
    """
    leg.island.run(leg.evaluations, None if leg.seconds is None else Deadline.after(leg.seconds))
    return leg.island.state() if leg.sent else None
