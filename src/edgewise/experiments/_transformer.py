"""A transformer that predicts the next character, around any feed-forward block."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

_SMALL = 0.02  # of first embeddings: places weigh as much as characters


class Transformer(torch.nn.Module):
    """Blocks x + attention(norm(x)), then x + feed_forward(norm(x)), between an embedding and a linear map.

    Shapes: codes (rows, context) -> scores (rows, context, characters); a score sees the characters up to its place.
    """

    def __init__(
        self, characters: int, context: int, width: int, heads: int, depth: int,
        feed_forward: Callable[[], torch.nn.Module],
    ) -> None:  # fmt: skip
        super().__init__()
        self.context = context
        self.embedding = torch.nn.Embedding(characters, width)
        torch.nn.init.normal_(self.embedding.weight, std=_SMALL)
        self.place = torch.nn.Parameter(_SMALL * torch.randn(context, width))
        self.blocks = torch.nn.Sequential(*(_Block(width, heads, feed_forward()) for _ in range(depth)))
        self.norm, self.scores = torch.nn.LayerNorm(width), torch.nn.Linear(width, characters)

    def forward(self, codes: Tensor) -> Tensor:
        return self.scores(self.norm(self.blocks(self.embedding(codes) + self.place[: codes.shape[1]])))

    def loss(self, windows: Tensor) -> Tensor:
        """Cross-entropy of every character but the first of windows (rows, context + 1), in nats."""
        return cross_entropy(self(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())


class _Block(torch.nn.Module):
    def __init__(self, width: int, heads: int, feed_forward: torch.nn.Module) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.asks, self.answers = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.feed_forward = feed_forward

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._attention(self.before(x))
        return x + self.feed_forward(self.between(x))

    def _attention(self, x: Tensor) -> Tensor:
        query, key, value = self.asks(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.answers(scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2))
