"""Small transformers around any feed-forward block: one predicts the next character, one classifies images."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pixel_unshuffle, scaled_dot_product_attention

WIDTH, HEADS, DEPTH = 64, 4, 2
_CODES, _IMAGES = 0.02, 1.0  # of first vectors for characters and their places; of those for places in an image


class Transformer(torch.nn.Module):
    """Characters, each embedded, through a trunk and a linear map.

    Shapes: codes (rows, context) -> scores (rows, context, characters); a score sees the characters up to its place.
    """

    def __init__(self, characters: int, context: int, feed_forward: Callable[[], torch.nn.Module]) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(characters, WIDTH)
        torch.nn.init.normal_(self.embedding.weight, std=_CODES)
        self.trunk = _Trunk(context, feed_forward, size=_CODES, causal=True)
        self.scores = torch.nn.Linear(WIDTH, characters)

    def forward(self, codes: Tensor) -> Tensor:
        return self.scores(self.trunk(self.embedding(codes)))

    def loss(self, windows: Tensor) -> Tensor:
        """Return the cross-entropy of every character but the first of windows (rows, context + 1), in nats."""
        return cross_entropy(self(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())


class ImageTransformer(torch.nn.Module):
    """Square patches of an image, each mapped linearly, through a trunk; then their mean and a linear map.

    Shapes: images (rows, side, side) -> scores (rows, classes).
    """

    def __init__(self, side: int, patch: int, classes: int, feed_forward: Callable[[], torch.nn.Module]) -> None:
        super().__init__()
        self.patch = patch
        self.embedding = torch.nn.Linear(patch**2, WIDTH)
        self.trunk = _Trunk((side // patch) ** 2, feed_forward, size=_IMAGES, causal=False)
        self.scores = torch.nn.Linear(WIDTH, classes)

    def forward(self, images: Tensor) -> Tensor:
        patches = pixel_unshuffle(images[:, None], self.patch).flatten(2).transpose(1, 2)
        return self.scores(self.trunk(self.embedding(patches)).mean(1))


class _Trunk(torch.nn.Module):
    """A vector for each place added, blocks x + attention(norm(x)), then x + feed_forward(norm(x)), and a last norm."""

    def __init__(
        self, places: int, feed_forward: Callable[[], torch.nn.Module], *, size: float, causal: bool
    ) -> None:  # fmt: skip
        super().__init__()
        self.place = torch.nn.Parameter(size * torch.randn(places, WIDTH))
        self.blocks = torch.nn.Sequential(*(_Block(feed_forward(), causal) for _ in range(DEPTH)))
        self.norm = torch.nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.blocks(x + self.place[: x.shape[1]]))


class _Block(torch.nn.Module):
    def __init__(self, feed_forward: torch.nn.Module, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.before, self.between = torch.nn.LayerNorm(WIDTH), torch.nn.LayerNorm(WIDTH)
        self.query_key_value, self.output = torch.nn.Linear(WIDTH, 3 * WIDTH), torch.nn.Linear(WIDTH, WIDTH)
        self.feed_forward = feed_forward

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._attention(self.before(x))
        return x + self.feed_forward(self.between(x))

    def _attention(self, x: Tensor) -> Tensor:
        query, key, value = self.query_key_value(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.output(mixed.transpose(1, 2).flatten(2))
