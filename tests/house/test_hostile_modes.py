"""No mode of torch, no input and no broken module ends the process: `hostile.py` tries them in one of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hostile import CASES, MODES

import edgewise as ew


@pytest.mark.timeout(600)
def test_every_hostile_case_gives_the_reference_or_an_exception(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "hostile.py"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"{lines[-1:]} ended the process: {done.stderr[-2000:]}"
    assert lines[::2] == [f"{kind}: {mode}" for kind, mode in CASES] and len(CASES) >= 300
    results = dict(zip(lines[::2], lines[1::2], strict=True))
    assert [case for case, result in results.items() if result.startswith("wrong")] == []
    right = {case.partition(": ")[2] for case, result in results.items() if result == "right"}
    raised = {case.partition(": ")[2] for case, result in results.items() if result.startswith("raised")}
    assert right | raised == set(MODES)
    for mode in ("jit.trace", "vmap rows", "jacrev", "wrapper", "negated view", "overlapping", "no rows", "meta 2^31"):
        assert mode not in raised, results


def test_knots_that_do_not_ascend_are_refused_before_a_kernel_reads_them() -> None:
    for basis in ("bspline", "chebyshev"):
        layer = ew.nn.KANLayer(2, 1, basis=basis)  # type: ignore[arg-type]
        layer.knots = layer.knots.flip(1)
        if ew.kernels.explain(4, 2, 1)["contract"].backend != "reference":
            with pytest.raises(ew.InputError, match="must be finite, and ascend"):
                layer(torch.zeros(4, 2))


def test_coefficients_of_another_size_than_the_knots_are_refused() -> None:
    layer = ew.nn.KANLayer(4, 2)
    layer.coefficients = torch.nn.Parameter(layer.coefficients.detach()[:, :2])
    layer.base_weight = torch.nn.Parameter(layer.base_weight.detach())
    with pytest.raises((ew.InputError, RuntimeError)):
        layer(torch.zeros(4, 4))


def test_a_sign_that_is_still_to_come_counts() -> None:
    """The memory of such a view holds the opposite numbers."""
    layer, x = ew.nn.KANLayer(3, 2), torch.rand(5, 3)
    torch.testing.assert_close(layer(torch._neg_view(x)), layer(-x))
