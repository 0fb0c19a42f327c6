"""Models of transformers, made from tiny configurations: what is exchanged, that it keeps the loss, and the Trainer."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import edgewise as ew
from edgewise.nn import Rational, find_feed_forwards, replace_feed_forwards

transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install transformers")

SIZES = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
T5_SIZES = {"vocab_size": 50, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
GATED = {"num_key_value_heads": 1}
IMAGES = {"image_size": 16, "patch_size": 8, "num_channels": 1}
OPT = {"ffn_dim": 32, "word_embed_proj_dim": 16, "max_position_embeddings": 32}
GPT2 = {"vocab_size": 50, "n_layer": 2, "n_embd": 16, "n_head": 2, "n_positions": 16}
STAGES = {"num_channels": 1, "hidden_sizes": [8, 8, 8, 16], "depths": [1, 1, 1, 1]}

#: model: its class, its configuration, how many blocks, whether they have gates
MODELS: dict[str, tuple[str, str, dict[str, Any], int, bool]] = {
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", GPT2, 2, False),
    "bert": ("BertForMaskedLM", "BertConfig", SIZES, 2, False),
    "distilbert": (
        "DistilBertForMaskedLM", "DistilBertConfig",
        {"vocab_size": 50, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}, 2, False,
    ),
    "llama": ("LlamaForCausalLM", "LlamaConfig", SIZES | GATED, 2, True),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", SIZES | GATED, 2, True),
    "phi3": ("Phi3ForCausalLM", "Phi3Config", SIZES | GATED | {"pad_token_id": 0}, 2, True),
    "opt": ("OPTForCausalLM", "OPTConfig", SIZES | OPT, 2, False),
    "t5": ("T5ForConditionalGeneration", "T5Config", T5_SIZES | {"decoder_start_token_id": 0}, 4, False),
    "t5-gated": (
        "T5ForConditionalGeneration", "T5Config",
        T5_SIZES | {"decoder_start_token_id": 0, "feed_forward_proj": "gated-gelu"}, 4, True,
    ),
    "vit": ("ViTForImageClassification", "ViTConfig", SIZES | IMAGES, 2, False),
    "convnext": ("ConvNextForImageClassification", "ConvNextConfig", STAGES, 4, False),
}  # fmt: skip


def build(name: str) -> Any:
    kind, config, sizes, _, _ = MODELS[name]
    torch.manual_seed(0)
    if config == "ViTConfig":
        sizes = {key: value for key, value in sizes.items() if key != "vocab_size"}
    return getattr(transformers, kind)(getattr(transformers, config)(**sizes))


def batch(name: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    if name in ("vit", "convnext"):
        side = 16 if name == "vit" else 32
        return {"pixel_values": torch.rand(4, 1, side, side, generator=generator), "labels": torch.arange(4) % 2}
    tokens = torch.randint(3, 50, (4, 12), generator=generator)
    return {"input_ids": tokens, "labels": tokens}


def pretrained(name: str) -> Any:
    """A tiny model that has learned a little."""
    model, given = build(name).train(), batch(name)
    solver = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(12):
        solver.zero_grad()
        model(**given).loss.backward()
        solver.step()
    return model.eval()


@pytest.mark.parametrize("name", MODELS)
def test_a_pretrained_model_keeps_its_weights_and_its_loss(name: str) -> None:
    _, _, _, count, gated = MODELS[name]
    model, given = pretrained(name), batch(name)
    found = find_feed_forwards(model)
    assert [block.reason for block in found] == [""] * count
    assert all(block.checked and block.gated is gated for block in found)
    for example, most in ((None, 0.02), (given, 0.001)):
        new = replace_feed_forwards(model, example=example)
        assert sum(isinstance(module, Rational) for module in new.modules()) == count
        assert not set(model.state_dict()) - set(new.state_dict())
        with torch.no_grad():
            assert float(new(**given).loss) == pytest.approx(float(model(**given).loss), rel=most)
    loss = new.train()(**given).loss
    loss.backward()
    curves = [module for module in new.modules() if isinstance(module, Rational)]
    assert all(bool(module.numerator.grad.any()) for module in curves)


def test_attention_is_left_and_the_rest_is_named() -> None:
    names = [block.name for block in find_feed_forwards(build("bert"))]
    assert names == [f"bert.encoder.layer.{layer}.intermediate" for layer in range(2)]
    assert not any("attention" in name for name in names)


def rows(name: str) -> list[dict[str, torch.Tensor]]:
    given = batch(name)
    return [{key: value[i] for key, value in given.items()} for i in range(4)]


@pytest.mark.parametrize("name", ["gpt2", "bert", "vit", "llama"])
def test_the_trainer_trains_saves_and_loads(name: str, tmp_path: Path) -> None:
    pytest.importorskip("accelerate", reason="accelerate is not installed: pip install accelerate")
    from safetensors.torch import load_file

    given = batch(name)
    model = replace_feed_forwards(pretrained(name))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    settings = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=3, per_device_train_batch_size=2, save_steps=3, report_to=[],
        learning_rate=1e-3, use_cpu=True, disable_tqdm=True, logging_strategy="no", seed=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others: a DataLoader without a GPU, deprecations
        transformers.Trainer(model=model, args=settings, train_dataset=rows(name)).train()
    key = next(key for key in before if key.endswith("numerator"))
    assert not torch.equal(model.state_dict()[key], before[key])
    trained, inputs = tmp_path / "checkpoint-3", {key: value for key, value in given.items() if key != "labels"}
    again = with_curves(name).from_pretrained(trained)  # names of older files and tied weights are its matter
    with torch.no_grad():
        one, two = (each.eval()(**inputs).logits for each in (model, again))
    assert torch.equal(one, two)
    other = replace_feed_forwards(build(name))  # or by hand
    model.save_pretrained(tmp_path / "saved", save_original_format=False)
    missing, unexpected = other.load_state_dict(load_file(tmp_path / "saved" / "model.safetensors"), strict=False)
    assert not unexpected and all("lm_head" in key or "decoder" in key for key in missing)  # tied to the embedding
    with torch.no_grad():
        assert torch.equal(other.eval()(**inputs).logits, one)


def with_curves(name: str) -> Any:
    """A class of transformers whose models have rational functions from the start, as `from_pretrained` needs them."""
    kind: Any = getattr(transformers, MODELS[name][0])

    class WithCurves(kind):  # type: ignore[misc]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            body = kind.base_model_prefix
            setattr(self, body, replace_feed_forwards(getattr(self, body)))

    return WithCurves


def test_a_model_without_blocks_is_named() -> None:
    call: Callable[[], object] = lambda: replace_feed_forwards(  # noqa: E731
        transformers.MambaForCausalLM(transformers.MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1))
    )
    with pytest.raises(ew.InputError, match="No feed-forward block to exchange was found in MambaForCausalLM"):
        call()
