"""The one owner of threads: those of the kernels, and torch's thread count where it is changed for a while."""

import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from edgewise._deadline import whole

_WORTHWHILE = 2_000_000  # multiplications of a part that pay for waking a thread
_OWN = threading.local()
_POOL: dict[int, ThreadPoolExecutor] = {}


@whole  # parts that other threads work on must not lose their memory
def in_parts(run: Callable[[int, int], None], total: int, work: int) -> None:
    """Call run(start, stop) on parts of range(total), on as many threads as torch has been given.

    `work` is the number of multiplications in all. Parts must release Python's lock to gain from threads, and must not
    write to the same place. Any number of callers may be here at once.
    """
    count = min(torch.get_num_threads(), total, work // _WORTHWHILE) if work > _WORTHWHILE else 1
    if count <= 1:
        run(0, total)
        return
    bounds = [total * k // count for k in range(count + 1)]
    others = [_pool(count).submit(run, a, b) for a, b in pairwise(bounds[1:])]
    run(0, bounds[1])
    for other in others:
        other.result()


def is_small(work: int) -> bool:
    """Return whether a number of multiplications is not worth a second thread."""
    return work <= _WORTHWHILE or torch.get_num_threads() == 1


def working_memory(*sizes: int) -> list[int]:
    """Return addresses of parts of this many bytes each, this thread's own until it asks again."""
    known = getattr(_OWN, "parts", None)
    if known is None or sizes not in known:
        known = _share_out(known or {}, sizes)
    return known[sizes]


def scratch(like: Tensor, *shape: int) -> Tensor:
    """Return a tensor of any values in memory that this thread keeps, until it asks again.

    New pages of memory cost about as much as what kernels write to them.
    """
    size = math.prod(shape)
    known = getattr(_OWN, "scratch", None)
    if known is None or known.dtype is not like.dtype or len(known) < size:
        _OWN.scratch = None  # before the new one comes, so that they are not both there
        with torch.inference_mode(False):
            known = _OWN.scratch = torch.empty(size, dtype=like.dtype)
    return known[:size].view(shape)


def _share_out(known: dict[tuple[int, ...], list[int]], sizes: tuple[int, ...]) -> dict[tuple[int, ...], list[int]]:
    """Keep where parts of these sizes lie; where more memory was needed, or much is kept, nothing else is."""
    starts = list(accumulate((-(-size // 64) * 64 for size in sizes), initial=0))
    if not 0 < len(known) < 100 or len(_OWN.memory) < starts[-1]:
        _OWN.parts = {}  # before the memory that they lie in goes, in case this is interrupted
        _OWN.memory, known = torch.empty(starts[-1], dtype=torch.uint8), {}
    first = _OWN.memory.data_ptr()
    _OWN.parts = {**known, sizes: [first + start for start in starts[:-1]]}
    return _OWN.parts


def _pool(count: int) -> ThreadPoolExecutor:
    """Threads of this process: a forked child has none of its parent's."""
    pool = _POOL.get(os.getpid())
    if pool is None or pool._max_workers < count - 1:
        pool = _POOL[os.getpid()] = ThreadPoolExecutor(max(1, count - 1), "edgewise")
    return pool


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one thread, and leave torch's thread count as it was found.

    Matrices of a few hundred rows gain nothing from a second thread, and lose much where other work keeps it waiting.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
