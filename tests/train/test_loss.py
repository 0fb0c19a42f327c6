"""Losses: their gradients and curvatures by autograd, and what second order makes of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import edgewise as ew
from edgewise.nn import Pass
from edgewise.optim import CG, LM
from edgewise.train import Cauchy, CrossEntropy, Huber, Loss, Objective, Squared, Table, choose_loss


def normal(n: int, m: int, seed: int = 0) -> Tensor:
    return torch.randn(n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


REGRESSION = [Squared(), Huber(0.7), Cauchy(0.7)]
CLASSES = CrossEntropy()


def targets(loss: object, n: int, m: int) -> Tensor:
    if isinstance(loss, CrossEntropy):
        return (torch.arange(n) % max(m, 2)).double().unsqueeze(1)
    return normal(n, m, 5)


@pytest.mark.parametrize("loss", [*REGRESSION, CLASSES], ids=lambda loss: loss.name)
@pytest.mark.parametrize("m", [1, 3])
def test_gradients_are_those_of_autograd(loss, m: int) -> None:
    outputs, y = normal(20, m).requires_grad_(), targets(loss, 20, m)
    (gradient,) = torch.autograd.grad(loss.value(outputs, y).sum(), outputs)
    torch.testing.assert_close(loss.gradient(outputs.detach(), y), gradient)
    torch.testing.assert_close(Loss.gradient(loss, outputs, y), gradient)


@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("loss", [Squared(), CLASSES], ids=lambda loss: loss.name)
def test_curvatures_are_hessians(loss, m: int) -> None:
    outputs, y, vectors = normal(20, m), targets(loss, 20, m), normal(20, m, 7).unsqueeze(-1)

    def one(f: Tensor, y: Tensor) -> Tensor:
        return loss.value(f.unsqueeze(0), y.unsqueeze(0))[0]

    hessians = torch.stack(
        [torch.autograd.functional.hessian(lambda f, n=n: one(f, y[n]), outputs[n]) for n in range(20)]
    )
    torch.testing.assert_close(loss.curvature(outputs, y)(vectors), hessians @ vectors)


@pytest.mark.parametrize("loss", [Huber(0.7), Cauchy(0.7)], ids=lambda loss: loss.name)
def test_a_robust_loss_lies_below_the_parabola_that_second_order_takes(loss) -> None:
    """rho(r) <= rho(s) + w(s) (r^2 - s^2), with equality at s: so reweighting can only lower the cost."""
    r, s = normal(200, 1, 1) * 3, normal(200, 1, 2) * 3
    bound = loss.rho(s) + loss.weight(s) * (r.square() - s.square())
    assert bool((loss.rho(r) <= bound + 1e-12).all())
    assert bool((loss.rho(r) <= r.square() + 1e-12).all())
    assert float(loss.weight(torch.zeros(1, dtype=torch.float64))) == 1.0


def test_the_width_is_read_from_the_median_unless_it_is_given() -> None:
    r = normal(10_000, 1)
    r[:1000] = 1e6
    zero = torch.zeros_like(r)
    assert Huber().tuned(r, zero).d == pytest.approx(1.345 * 1.15, rel=0.05)
    assert Huber(0.2).tuned(r, zero).d == 0.2
    assert Huber(0.2).scaled(10.0).d == 2.0


@pytest.mark.parametrize("loss", [*REGRESSION, CLASSES], ids=lambda loss: loss.name)
@pytest.mark.parametrize("m", [1, 3])
def test_normal_equations_of_a_network(loss, m: int, mixed_network, monkeypatch) -> None:
    """Half the gradient by autograd, J' (half the curvature) J by the dense Jacobian, in one chunk and in many."""
    import edgewise.train._objective as objective

    model = mixed_network([2, (2, 1), m], base="silu")
    x, weights = normal(300, 2), normal(300, 1)[:, 0].square()
    table = Table(x, targets(loss, 300, m), weights / weights.mean())
    whole = Objective(ew.nn.clone(model), table, loss=loss)
    monkeypatch.setattr(objective, "_ENTRIES", 64)
    pieces = Objective(ew.nn.clone(model), table, loss=loss)
    vector = whole.start
    with torch.no_grad():
        forward = Pass(model, x)
        jacobian = forward.jacobian(whole.layout)
        eye = torch.eye(m, dtype=torch.float64).expand(300, m, m)
        curvature = loss.curvature(forward.outputs, table.y)(eye) * table.weights[:, None, None] / 600
        hessian = torch.einsum("nop,nor,nrq->pq", jacobian, curvature, jacobian)
        slope = loss.gradient(forward.outputs, table.y) * table.weights[:, None] / 600
        gradient = torch.einsum("nop,no->p", jacobian, slope)
    for problem in (whole, pieces):
        found, free = problem.normal_equations(vector), problem.operator(vector)
        assert found.cost == pytest.approx(problem.cost(vector), rel=1e-12)
        torch.testing.assert_close(found.gradient, gradient)
        torch.testing.assert_close(free.gradient, gradient)
        torch.testing.assert_close(found.hessian.tril(), hessian.tril(), rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(free.diagonal, hessian.diagonal(), rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(free.matvec(vector), hessian @ vector)


@pytest.mark.parametrize("loss", [Squared(), CLASSES], ids=lambda loss: loss.name)
def test_conjugate_gradients_take_the_steps_of_cholesky(loss) -> None:
    x = normal(200, 2).clamp(-2, 2)
    model = ew.KAN([2, 2, 2], grid=3, domain=(-2.0, 2.0))
    y = (x[:, :1] * x[:, 1:] > 0).double() if loss is CLASSES else x.sin()
    problem = Objective(model, Table(x, y, torch.ones(200, dtype=torch.float64)), loss=loss)
    settings = {"steps": 5, "damping": 1e-2}
    expected, cost = LM(**settings).minimize(problem, problem.start)
    found, other = CG(**settings, inner=2000, accuracy=1e-10).minimize(problem, problem.start)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert other == pytest.approx(cost, rel=1e-6)


def test_losses_by_name() -> None:
    assert choose_loss("huber") == Huber()
    assert choose_loss(Cauchy(2.0)) == Cauchy(2.0)
    with pytest.raises(ew.InputError, match=r"Unknown loss 'hubert'\. Known: "):
        choose_loss("hubert")
    for width in (0.0, -1.0, float("nan"), True, "wide"):
        with pytest.raises(ew.InputError, match="'width'"):
            Huber(width)  # type: ignore[arg-type]
