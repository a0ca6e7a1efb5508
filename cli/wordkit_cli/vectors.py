"""Common parts of the commands that train word vectors: the text, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wordkit.embeddings.config import VectorsConfig
from wordkit.runtime.progress_bar import Figures
from wordkit.storage import check_outputs
from wordkit_cli.inputs import TextOptions, read_corpus
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress, short

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.text import Corpus

__all__ = ["figures_of", "read_text", "say_trained"]


def read_text(
    text: Sequence[str], output: str, config: VectorsConfig, options: dict[str, Any],
    progress: Progress, client: Any = None,
) -> Corpus:  # fmt: skip
    """Read the text of a training, when it is known that its vectors can be written."""
    from wordkit.embeddings.formats import check_dim, files_of

    check_dim(config.dim, output)
    outputs = (*files_of(output), options.get("checkpoint"), options["log"])
    check_outputs(outputs)
    return read_corpus(
        text, TextOptions.take(options), progress=progress, outputs=outputs, client=client,
        threads=options["threads"], pieces=options["max_vocabulary"],
    )  # fmt: skip


def figures_of(epochs: int, digits: int = 3) -> Figures:
    """Return what writes the figures of a report of a training of so many epochs."""

    def figures(known: Mapping[str, float]) -> str:
        if "epoch" not in known:  # of counting
            return ""
        loss = "" if math.isnan(known["loss"]) else f"  loss {known['loss']:.{digits}f}"
        lr = f"  lr {known['lr']:.4f}" if "lr" in known else ""
        return f"epoch {known['epoch']:.0f}/{epochs}{loss}{lr}"

    return figures


def say_trained(
    vectors: Embeddings, output: str, progress: Progress, unit: str = "", digits: int = 3
) -> None:
    """Describe vectors and their training in one line; ``unit`` is what its rate counts."""
    facts = [counted(len(vectors), "word"), counted(vectors.dim, "dimension")]
    training = vectors.metadata.get("training", {})
    if (loss := training.get("loss")) is not None:
        facts.append(f"loss {loss:.{digits}f}")
    if unit and progress.rate:
        facts.append(f"{short(progress.rate)} {unit}/s")
    if sent := training.get("bytes_per_word"):
        facts.append(f"{sent:.1f} bytes sent per word")
    progress.say(f"{output}: {', '.join(facts)}")
