"""A plain PyTorch Transformer of nanoGPT's setting for characters on a CPU.

    python benchmarks/lm_nanogpt_plain.py TEXT --windows 100 [--warm-up 20] [--threads 2]

Four layers of width 128 with four heads, windows of 64 characters in batches of 12, drawn at random
from the text, no dropout; layer norms before each part, learnt positions, GELU, tied embeddings;
AdamW at 1e-3 with betas of 0.9 and 0.99, weight decay of matrices of 0.1, gradients clipped to 1.
It times so many batches and prints their ``tokens`` and ``seconds`` as JSON. It knows nothing of
wordkit.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

LAYERS, HEADS, WIDTH, STEPS, BATCH = 4, 4, 128, 64, 12


class Block(nn.Module):
    """Attention and a feed-forward network, each added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, bias=False) for _ in range(2))
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.mix = nn.Linear(WIDTH, WIDTH, bias=False)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Vectors of shape (B, T, D) from those of the layer before."""
        B, T, _ = x.shape
        heads = self.qkv(self.norms[0](x)).view(B, T, 3, HEADS, WIDTH // HEADS)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mix(found.transpose(1, 2).reshape(B, T, WIDTH))
        return x + self.narrow(F.gelu(self.wide(self.norms[1](x))))


class Network(nn.Module):
    """V characters in, the logits of V characters out."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(characters, WIDTH), nn.Embedding(STEPS, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        self.output = nn.Linear(WIDTH, characters, bias=False)
        self.output.weight = self.embedding.weight
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of shape (B, T, V), from ids of shape (B, T)."""
        places = torch.arange(ids.shape[1])
        return self.output(self.norm(self.blocks(self.embedding(ids) + self.places(places))))


class Loop:
    """The training on random windows of a text."""

    def __init__(self, ids: Tensor, characters: int) -> None:
        self.ids, self.network = ids, Network(characters)
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        others = [p for p in self.network.parameters() if p.ndim == 1]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))

    def step(self) -> int:
        """Train on one batch, and return its targets."""
        starts = torch.randint(len(self.ids) - STEPS, (BATCH,))
        windows = torch.stack([self.ids[start : start + STEPS + 1] for start in starts.tolist()])
        inputs, targets = windows[:, :-1], windows[:, 1:].reshape(-1)
        loss = F.cross_entropy(self.network(inputs).flatten(0, 1), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        return len(targets)


def main() -> None:
    """Time some batches after others that are not counted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--windows", type=int, default=100, help="batches that are timed")
    parser.add_argument("--warm-up", type=int, default=20, help="batches before them")
    parser.add_argument("--threads", type=int, help="default: torch's choice")
    options = parser.parse_args()
    torch.manual_seed(1)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    text = options.text.read_text(encoding="utf-8")
    if len(text) <= STEPS:
        raise SystemExit(f"the text has {len(text)} characters; give more than {STEPS}")
    characters = sorted(set(text))
    numbers = {character: i for i, character in enumerate(characters)}
    loop = Loop(torch.tensor([numbers[character] for character in text]), len(characters))
    for _ in range(options.warm_up):
        loop.step()
    began = time.perf_counter()
    tokens = sum(loop.step() for _ in range(options.windows))
    print(json.dumps({"tokens": tokens, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
