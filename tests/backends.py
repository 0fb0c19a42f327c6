"""Who works for joblib in the tests: threads, processes, Dask and Ray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import pytest

BACKENDS = ["threading", "loky", "dask", "ray"]


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Give joblib two workers: threads, processes, or those of Dask or Ray where it is installed."""
    if name == "dask":
        distributed = pytest.importorskip("distributed")
        with (
            distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None),
            joblib.parallel_config("dask"),
        ):
            yield
    elif name == "ray":
        ray = pytest.importorskip("ray")
        pytest.importorskip("ray.util.joblib").register_ray()
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        try:
            with joblib.parallel_config("ray"):
                yield
        finally:
            ray.shutdown()
    else:
        with joblib.parallel_config(name):
            yield
