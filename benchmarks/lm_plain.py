"""The plain PyTorch loop that people copy: nn.Embedding, nn.LSTM, nn.Linear, nn.CrossEntropyLoss.

    python benchmarks/lm_plain.py TRAIN [--test FILE] [--epochs 4] [--hidden 100] [--layers 1]
    python benchmarks/lm_plain.py TRAIN --windows 100 [--warm-up 20]

SGD at 20 with gradients clipped to 0.25, a batch of 20, 35 steps, all weights drawn evenly from
-0.1 to 0.1, the state kept from window to window and detached. The words of a text are what stands
between spaces, and ``<eos>`` ends each line. After each epoch it prints a JSON object: the
``seconds`` of training so far, without those of testing, the ``tokens_per_second`` of training, and
the ``test_perplexity``, exact over all tokens of the test text read as one stream. With --windows
it times so many windows and prints their ``tokens`` and ``seconds``. It knows nothing of wordkit.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

STEPS_OF_TEST = 512  # tokens that are read in one piece
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Network(nn.Module):
    """V words in, the logits of V words out."""

    def __init__(self, words: int, cell: str, hidden: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, hidden)
        self.recurrent = CELLS[cell](hidden, hidden, layers)
        self.output = nn.Linear(hidden, words)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def forward(self, ids: Tensor, state: object) -> tuple[Tensor, object]:
        """Logits of shape (T, B, V) and the state, from ids of shape (T, B)."""
        hidden, state = self.recurrent(self.embedding(ids), state)
        return self.output(hidden), state


def tokens_of(path: Path) -> Iterator[str]:
    """The words of a text, with ``<eos>`` at each line end."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield from line.split()
            yield "<eos>"


def detached(state: object) -> object:
    """A state that gradients do not go back through."""
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    assert isinstance(state, Tensor)
    return state.detach()


class Loop:
    """The training, window by window.

    Args:
        ids: the training text.
        words: V.
        options: of the command line.
    """

    def __init__(self, ids: Tensor, words: int, options: argparse.Namespace) -> None:
        self.network = Network(words, options.cell, options.hidden, options.layers)
        self._criterion = nn.CrossEntropyLoss()
        self._optimizer = torch.optim.SGD(self.network.parameters(), lr=options.lr)
        self._clip, self._steps = options.clip, options.steps
        long = len(ids) // options.batch
        if long < 2:
            raise SystemExit(
                f"the text has {len(ids)} tokens, too few for a batch of {options.batch}"
            )
        self._tracks = ids[: long * options.batch].view(options.batch, long).t().contiguous()

    def epoch(self) -> Iterator[int]:
        """Train on the text; yields the targets of each window when it is done."""
        self.network.train()
        state: object = None
        last = len(self._tracks) - 1
        for start in range(0, last, self._steps):
            stop = min(start + self._steps, last)
            targets = self._tracks[start + 1 : stop + 1].reshape(-1)
            self._optimizer.zero_grad()
            logits, state = self.network(self._tracks[start:stop], state)
            loss = self._criterion(logits.view(len(targets), -1), targets)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), self._clip)
            self._optimizer.step()
            if not math.isfinite(loss.item()):
                raise SystemExit("the loss is no finite number; lower --lr")
            state = detached(state)
            yield len(targets)

    @torch.no_grad()
    def perplexity(self, ids: Tensor, eos: int) -> float:
        """Return the perplexity of a text, read as one stream after ``<eos>``."""
        self.network.eval()
        inputs = torch.cat([torch.tensor([eos]), ids[:-1]])
        state: object = None
        total = 0.0
        for start in range(0, len(ids), STEPS_OF_TEST):
            piece = slice(start, start + STEPS_OF_TEST)
            logits, state = self.network(inputs[piece, None], state)
            losses = nn.functional.cross_entropy(logits[:, 0], ids[piece], reduction="none")
            total += float(losses.double().sum())
        return math.exp(min(total / len(ids), 700.0))  # beyond that float64 ends


def train(loop: Loop, test: Tensor | None, eos: int, epochs: int) -> None:
    """Train, and print how it stands after each epoch."""
    seconds, tokens = 0.0, 0
    for epoch in range(1, epochs + 1):
        began = time.perf_counter()
        tokens += sum(loop.epoch())
        seconds += time.perf_counter() - began
        known = {"epoch": epoch, "seconds": seconds, "tokens_per_second": tokens / seconds}
        if test is not None:
            known["test_perplexity"] = loop.perplexity(test, eos)
        print(json.dumps(known), flush=True)


def measure(loop: Loop, windows: int, warm_up: int) -> None:
    """Time some windows after others that are not counted, and print what they took."""
    counts = endless(loop)
    for _ in range(warm_up):
        next(counts)
    began = time.perf_counter()
    tokens = sum(next(counts) for _ in range(windows))
    print(json.dumps({"tokens": tokens, "seconds": time.perf_counter() - began}))


def endless(loop: Loop) -> Iterator[int]:
    """Epoch after epoch."""
    while True:
        yield from loop.epoch()


def parse() -> argparse.Namespace:
    """Parse the arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--cell", choices=list(CELLS), default="lstm")
    parser.add_argument("--hidden", type=int, default=100)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--steps", type=int, default=35)
    parser.add_argument("--lr", type=float, default=20.0)
    parser.add_argument("--clip", type=float, default=0.25)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--windows", type=int, help="time so many windows, and end")
    parser.add_argument("--warm-up", type=int, default=20, help="windows before them")
    parser.add_argument("--threads", type=int, help="default: torch's choice")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Train once."""
    options = parse()
    torch.manual_seed(options.seed)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    words = [word for word, _ in Counter(tokens_of(options.train)).most_common()]
    numbers = {word: i for i, word in enumerate(words)}
    unknown = numbers.get("<unk>", 0)

    def read(path: Path) -> Tensor:
        return torch.tensor([numbers.get(word, unknown) for word in tokens_of(path)])

    loop = Loop(read(options.train), len(words), options)
    if options.windows is not None:
        measure(loop, options.windows, options.warm_up)
        return
    test = None if options.test is None else read(options.test)
    train(loop, test, numbers["<eos>"], options.epochs)


if __name__ == "__main__":
    main()
