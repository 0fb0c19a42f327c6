"""The cases that rules were made on, and those that are looked at once."""

from edgewise_bench import Settings

_DEVELOPED = (1, 2)


def part_of(settings: Settings) -> str:
    """Return which part of the cases a seed stands for: seeds 1 and 2 were looked at while rules were made.

    >>> part_of(Settings(seed=1)), part_of(Settings(seed=7))
    ('development', 'held-out')
    """
    return "development" if settings.seed in _DEVELOPED else "held-out"


def in_words(outcome: str) -> str:
    """Return the name of an outcome as the rows have it.

    >>> in_words("NO_SOLUTION")
    'no solution'
    """
    return outcome.lower().replace("_", " ")
