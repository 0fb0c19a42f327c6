"""Maps, Jacobians and partial gradients of layers and networks, by torch's function transforms and autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from citizens import SUBJECTS, assert_same_gradients, close, gradients, is_curve, rows, shaken
from torch import Tensor
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, stack_module_state, vmap


@pytest.fixture(params=SUBJECTS)
def module(request: pytest.FixtureRequest) -> Any:
    return SUBJECTS[request.param]()


# function transforms


def test_maps_over_inputs(module: Any) -> None:
    x = torch.stack([rows(5), 0.5 * rows(5)])
    close(vmap(module)(x), module(x))
    close(vmap(vmap(module))(x), module(x))
    close(vmap(module, in_dims=1, out_dims=1)(x), module(x))


def test_maps_over_stacked_parameters_with_gradients(module: Any) -> None:
    members, x = [shaken(module, 0.1 * k) for k in range(3)], rows(5)
    parameters, buffers = stack_module_state(members)

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(module, (parameters, buffers), (x,)).square().sum()

    close(vmap(loss, (0, 0, None))(parameters, buffers, x), torch.stack([m(x).square().sum() for m in members]))
    found = vmap(grad(loss), (0, 0, None))(parameters, buffers, x)
    for k, member in enumerate(members):
        expected = gradients(member, x, member.parameters())[1:]
        assert_same_gradients([found[name][k] for name, _ in member.named_parameters()], expected)


def test_jacobians_and_hessians_agree_in_both_modes(module: Any) -> None:
    x = rows(5)
    close(vmap(jacrev(module))(x), vmap(jacfwd(module))(x))
    close(jacrev(module)(x), jacfwd(module)(x))

    def total(row: Tensor) -> Tensor:
        return module(row).sum()

    second = vmap(hessian(total))(x)
    close(second, second.mT)
    for way in (jacrev(jacrev(total)), jacfwd(jacfwd(total)), jacrev(jacfwd(total))):
        close(vmap(way)(x), second)

    def call(parameters: dict[str, Tensor]) -> Tensor:
        return functional_call(module, parameters, (x,))

    parameters = dict(module.named_parameters())
    reverse, forward = jacrev(call)(parameters), jacfwd(call)(parameters)
    for name in parameters:
        close(reverse[name], forward[name])


def test_the_older_functions_of_autograd_work_on_all_gradients_at_once(module: Any) -> None:
    """They map in another way than `torch.func`."""
    x, older = rows(5), torch.autograd.functional
    for strategy in ("reverse-mode", "forward-mode"):
        close(older.jacobian(module, x, vectorize=True, strategy=strategy), jacrev(module)(x))

    def total(x: Tensor) -> Tensor:
        return module(x).sin().sum()

    close(older.hessian(total, x, vectorize=True), hessian(total)(x))


def test_gradients_by_inputs_of_any_layout(module: Any) -> None:
    x = rows(6)
    expected = gradients(module, x, [])[0]
    for make in (lambda t: t.T.contiguous().T, lambda t: t.reshape(2, 3, 2), lambda t: t.clone().expand(1, 6, 2)):
        leaf = x.clone().requires_grad_()
        module(make(leaf)).square().sum().backward()
        close(leaf.grad, expected)
    one = x[:1].clone().requires_grad_()
    module(one.expand(6, 2)).square().sum().backward()
    close(one.grad, 6 * gradients(module, x[:1], [])[0])


# gradients by some only


def test_gradients_by_inputs_only(module: Any) -> None:
    x = rows(9)
    expected = gradients(module, x, [])[0]
    module.requires_grad_(False)
    assert not module(x).requires_grad
    close(gradients(module, x, [])[0], expected)


def test_gradients_by_some_parameters_only(module: Any) -> None:
    x, names = rows(9), [name for name, _ in module.named_parameters()]
    expected = dict(zip(names, gradients(module, x, module.parameters())[1:], strict=True))
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(is_curve(name))
    module(x).square().sum().backward()
    for name, parameter in module.named_parameters():
        if is_curve(name):
            close(parameter.grad, expected[name])
        else:
            assert parameter.grad is None
