"""The exchange of activations and of whole blocks in models that others wrote: found by running them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import edgewise as ew
from edgewise.nn import KANFeedForward, Rational, find_feed_forwards, replace_feed_forwards


def mlp(width: int = 16, activation: nn.Module | None = None, *after: nn.Module) -> nn.Sequential:
    first, second = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
    return nn.Sequential(first, activation or nn.GELU(), nn.Dropout(0.1), second, *after)


class Block(nn.Module):
    """Two maps and an activation, called by a forward pass of its own."""

    def __init__(self, forward: Callable[[Block, Tensor], Tensor], hidden: int = 24, activation: object = None) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(8, hidden), nn.Linear(hidden, 8)
        self.gate, self.both = nn.Linear(8, hidden), nn.Linear(8, 2 * hidden)
        self.norm = nn.LayerNorm(hidden)
        self.act = activation or nn.SiLU()
        self._run = forward

    def forward(self, x: Tensor) -> Tensor:
        return self._run(self, x)


def halves(b: Block, x: Tensor) -> Tensor:
    gate, value = b.both(x).chunk(2, dim=-1)
    return b.down(value * b.act(gate))


MEANINGS: dict[str, Callable[[Block, Tensor], Tensor]] = {
    "plain": lambda b, x: b.down(b.act(b.up(x))),
    "residual": lambda b, x: x + b.down(b.act(b.up(x))),
    "sigmoid after": lambda b, x: torch.sigmoid(b.down(b.act(b.up(x)))),
    "norm between": lambda b, x: b.down(b.norm(b.act(b.up(x)))),
    "gated": lambda b, x: b.down(b.act(b.gate(x)) * b.up(x)),
    "gated by halves": halves,
}


def distance(one: nn.Module, two: nn.Module, x: Tensor) -> float:
    with torch.no_grad():
        return float((one(x) - two(x)).norm() / one(x).norm())


@pytest.mark.parametrize("name", MEANINGS)
def test_outputs_weights_and_width_stay_whatever_the_forward_pass_does(name: str) -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"block": Block(MEANINGS[name])})["block"]
    [found] = [block for block in find_feed_forwards(model) if block.replacement]
    assert (found.width, found.hidden, found.function, found.gated) == (8, 24, "SiLU", "gated" in name)
    new = replace_feed_forwards(model)
    assert isinstance(new.act, Rational) and isinstance(model.act, nn.SiLU)
    assert all(torch.equal(value, new.state_dict()[key]) for key, value in model.state_dict().items())
    assert distance(model, new, torch.randn(50, 8)) < 1e-3
    new(torch.randn(5, 8)).square().sum().backward()
    assert new.act.numerator.grad is not None and new.act.denominator.grad is not None


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(inplace=True), nn.Tanh(), nn.GELU("tanh"), nn.Mish(), nn.functional.gelu, torch.relu, nn.Hardswish()],
)
def test_any_activation_is_followed_closely(activation: object) -> None:
    torch.manual_seed(0)
    model = Block(MEANINGS["plain"], activation=activation)
    x = 2 * torch.randn(200, 8)
    closest = 0.05 if isinstance(activation, nn.Hardswish) else 0.02  # it has corners at -3 and 3
    assert distance(model, replace_feed_forwards(model), x) < closest
    assert distance(model, replace_feed_forwards(model, example=x), x) < closest


def test_an_example_makes_the_start_more_accurate_where_inputs_are() -> None:
    torch.manual_seed(0)
    model, x = Block(MEANINGS["plain"], activation=nn.ReLU()), 0.1 * torch.randn(200, 8)
    assert distance(model, replace_feed_forwards(model, example=x), x) < distance(
        model, replace_feed_forwards(model), x
    )
    as_arguments = [replace_feed_forwards(model, example=given) for given in ((x,), {"x": x})]
    assert all(torch.equal(new(x), replace_feed_forwards(model, example=x)(x)) for new in as_arguments)
    assert isinstance(model.act, nn.ReLU) and model.training


class Attention(nn.Module):
    """Two maps w -> h -> w with an activation, and rows that see each other in between."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.act, self.down = nn.Linear(8, 24), nn.SiLU(), nn.Linear(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        q = self.act(self.up(x))
        return self.down(torch.softmax(q @ q.mT, -1) @ q)


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(8, 24), nn.Linear(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.relu(self.up(x)))


NEAR = {
    "what the second map takes": Attention,
    "holds no activation": Functional,
    "does not act on what a linear map": lambda: Block(lambda b, x: b.down(b.act(torch.sin(b.up(x))))),
    "not called": lambda: Block(lambda b, x: b.down(torch.tanh(b.up(x)))),
    "several ways": lambda: Block(lambda b, x: b.down(b.act(b.up(x))) + b.down(b.act(b.gate(x)))),
    "only within": lambda: Block(MEANINGS["plain"], activation=nn.Hardshrink(2.0)),
}


@pytest.mark.parametrize("words", NEAR)
def test_what_is_no_feed_forward_block_is_left_and_reported(words: str, caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"near": NEAR[words](), "mlp": mlp()})
    with caplog.at_level(logging.INFO, "edgewise.nn"):
        new = replace_feed_forwards(model)
    near = [record.getMessage() for record in caplog.records if record.getMessage().startswith("near: left")]
    assert len(near) == 1 and words in near[0]
    assert sum("mlp: a rational function instead of GELU" in text for text in caplog.messages) == 1
    assert repr(new["near"]) == repr(model["near"])
    with pytest.raises(ew.InputError, match=words):
        replace_feed_forwards(model["near"])


def test_two_modules_share_one_block_as_in_bert() -> None:
    class Output(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.norm = nn.Linear(24, 8), nn.LayerNorm(8)

        def forward(self, x: Tensor, before: Tensor) -> Tensor:
            return self.norm(self.dense(x) + before)

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.intermediate = nn.Sequential(nn.Linear(8, 24), nn.GELU())
            self.output = Output()

        def forward(self, x: Tensor) -> Tensor:
            return self.output(self.intermediate(x), x)

    torch.manual_seed(0)
    model = nn.Sequential(Layer(), Layer())
    found = find_feed_forwards(model)
    assert [(block.name, block.second) for block in found] == [
        ("0.intermediate", "0.output.dense"), ("1.intermediate", "1.output.dense")
    ]  # fmt: skip
    assert distance(model, replace_feed_forwards(model), torch.randn(50, 8)) < 2e-3


@pytest.mark.parametrize("layer", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["rational", "spline"])
def test_torchs_transformer_layers(layer: type[nn.Module], training: bool, kind: str) -> None:
    torch.manual_seed(0)
    model = layer(16, 2, 64, dropout=0.0, batch_first=True).train(training)
    new = replace_feed_forwards(model, kind=kind)
    assert [module.training for module in new.modules()] == [training] * len(list(new.modules()))
    inputs = (torch.randn(3, 5, 16),) * (2 if layer is nn.TransformerDecoderLayer else 1)
    with torch.no_grad():  # where torch's fast path would be taken
        out, before = new(*inputs), model(*inputs)
    assert isinstance(new.activation, Rational if kind == "rational" else KANFeedForward)
    if kind == "rational":
        assert 1e-6 < float((out - before).abs().max()) < 0.02


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_torchs_stack_of_layers_takes_no_fast_path_that_would_skip_the_functions() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    new = replace_feed_forwards(nn.TransformerEncoder(layer, 2)).eval()
    x, mask = torch.randn(3, 5, 16), torch.arange(5).repeat(3, 1) > 3
    with torch.no_grad():
        before = new(x, src_key_padding_mask=mask)
        for part in new.layers:
            part.activation.numerator.mul_(2)
        assert float((new(x, src_key_padding_mask=mask) - before).abs().max()) > 0.01


class Held(nn.Module):
    """Attributes that no search may call: only the activation is one by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down, self.called = nn.Linear(8, 24), nn.Linear(24, 8), []
        self.hidden_act = lambda x: torch.relu(x)
        self.transaction = self.compact = self.called.append

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.hidden_act(self.up(x)))


def test_only_functions_that_are_named_as_activations_are_called() -> None:
    model = Held()
    [found] = find_feed_forwards(model)
    assert found.activation == "hidden_act" and found.replacement
    assert not model.called
    assert isinstance(replace_feed_forwards(model).hidden_act, Rational)


def test_convolutions_of_one_point_are_maps_of_channels() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 24, 1), nn.ReLU(), nn.Conv2d(24, 8, 1))
    new = replace_feed_forwards(model, groups=4)
    assert (new[1].dim, new[1].groups) == (-3, 4)
    assert distance(model, new, torch.randn(2, 8, 6, 6)) < 0.02


def test_both_puts_the_identity_before_the_first_map_and_keeps_its_keys() -> None:
    torch.manual_seed(0)
    model = mlp().eval()
    new = replace_feed_forwards(model, both=True)
    assert isinstance(new[0], ew.nn.RationalLayer)
    assert torch.equal(new[0].weight, model[0].weight)
    assert distance(model, new, torch.randn(50, 16)) < 5e-3
    new.load_state_dict(model.state_dict(), strict=False)
    assert not set(model.state_dict()) - set(new.state_dict())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_models_in_other_precisions_keep_theirs(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = mlp().to(dtype).eval()
    new = replace_feed_forwards(model)
    x = torch.randn(50, 16, dtype=dtype)
    assert new(x).dtype == dtype
    assert distance(model, new, x) < 0.01


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.act, self.down = nn.Linear(8, 24), nn.SiLU(), nn.Linear(24, 8)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(self.act(self.up(x)))


def test_splines_take_only_what_is_exactly_linear_activation_linear() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {
            "a": mlp(16),
            "sigmoid": mlp(16, nn.GELU(), nn.Sigmoid()),
            "residual": Residual(),
            "deep": nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 8), nn.ReLU(), nn.Linear(8, 3)),
        }
    )
    before = copy.deepcopy(model.state_dict())
    new = replace_feed_forwards(model, kind="spline", grid=3)
    assert isinstance(new["a"], KANFeedForward)
    assert (new["a"].width, new["a"].hidden, new["a"].dropout.p) == (16, 64, 0.1)
    for name in ("sigmoid", "residual", "deep"):
        assert repr(new[name]) == repr(model[name])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    reasons = {block.name: block.reason for block in find_feed_forwards(model, kind="spline")}
    assert "more than" in reasons["residual"] and "other parts" in reasons["sigmoid"] and not reasons["a"]
    assert list(reasons) == ["a", "sigmoid", "residual", "deep"]


def test_a_block_in_two_places_stays_one_and_a_model_may_be_a_block() -> None:
    shared = replace_feed_forwards(nn.ModuleList([mlp(16)] * 2), kind="spline")
    assert shared[0] is shared[1]
    assert replace_feed_forwards(nn.ModuleList([mlp(16)] * 2))[1][1].groups == 8
    alone = replace_feed_forwards(mlp(8).double(), kind="spline", dropout=0.0, hidden=5)
    assert isinstance(alone, KANFeedForward) and alone.hidden == 5
    assert alone(torch.zeros(2, 8, dtype=torch.float64)).dtype == torch.float64


def test_an_activation_that_several_blocks_share_is_exchanged_in_each() -> None:
    shared = nn.GELU()
    new = replace_feed_forwards(nn.Sequential(mlp(16, shared), mlp(16, shared)))
    assert new[0][1] is not new[1][1]


def test_searching_changes_nothing_and_draws_nothing() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(mlp(8), nn.BatchNorm1d(8), mlp(8)).train()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    replace_feed_forwards(model, example=torch.randn(5, 8, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_replaced_models_load_into_each_other() -> None:
    torch.manual_seed(0)
    one, two = (replace_feed_forwards(nn.Sequential(mlp(8), mlp(8)).eval()) for _ in range(2))
    two.load_state_dict(one.state_dict())
    x = torch.randn(5, 8)
    assert torch.equal(one(x), two(x))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: replace_feed_forwards(nn.Linear(3, 3)), "No feed-forward block to exchange was found in Linear"),
        (lambda: replace_feed_forwards(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 3))), "holds no activation"),
        (lambda: replace_feed_forwards(mlp(), kind="cubic"), "Unknown kind"),
        (lambda: replace_feed_forwards(mlp(), hidden=5), "Unknown setting of rational feed-forward blocks 'hidden'"),
        (lambda: replace_feed_forwards(mlp(), groups=7), "must be an int >= 1 that divides 64"),
        (lambda: replace_feed_forwards(mlp(), example="text"), "'example' parameter must be an input of the model"),
        (lambda: find_feed_forwards(mlp(), kind="cubic"), "Unknown kind"),
    ],
)
def test_what_cannot_be_is_refused(act: Callable[[], object], words: str) -> None:
    with pytest.raises(ew.InputError, match=words):
        act()
