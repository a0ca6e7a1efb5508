"""What train-w2v begins with: nothing, the vectors of a file, a trained model or a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wordkit.errors import ConfigError
from wordkit_cli.inputs import refuse_overwriting
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress
from wordkit_cli.training import give_way

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.text import Corpus
    from wordkit.word2vec import Checkpoint, StartingPoint, Word2VecConfig

__all__ = ["Beginning", "protect", "read_beginning"]


@dataclass(frozen=True)
class Beginning:
    """A file to begin with, and the settings; at most one of the last three is there."""

    config: Word2VecConfig
    file: str | None = None
    vectors: Embeddings | None = None
    model: Embeddings | None = None
    checkpoint: Checkpoint | None = None

    def start(self, corpus: Corpus, progress: Progress) -> StartingPoint:
        """The starting point on a corpus; what was there before is told."""
        from wordkit.word2vec import (
            start_afresh,
            start_from_checkpoint,
            start_from_model,
            start_from_vectors,
        )

        if self.checkpoint is not None:
            start = start_from_checkpoint(corpus, self.config, self.checkpoint)
            progress.say(f"going on from {self.file} at {self.checkpoint.share_done:.0%}")
            return start
        if self.vectors is not None:
            start = start_from_vectors(corpus, self.config, self.vectors)
        elif self.model is not None:
            start = start_from_model(corpus, self.config, self.model)
        else:
            return start_afresh(corpus, self.config)
        whose = "its vector" if start.kept == 1 else "their vectors"
        new = "new one" if start.joined == 1 else "new ones"
        kept = counted(start.kept, "word")
        progress.say(f"{kept} kept {whose} to go on from, {start.joined:,} {new} joined")
        if start.note is not None:
            progress.say(start.note)
        return start


def read_beginning(init: str | None, resume: str | None, given: Mapping[str, Any]) -> Beginning:
    """What the files of ``--init`` and ``--resume`` hold, one of them at most.

    Args:
        init: vectors in any format.
        resume: a checkpoint or a model.
        given: the settings that stand on the command line. The others are those of the checkpoint
            or the model, or the defaults.
    """
    from wordkit.embeddings import load_embeddings
    from wordkit.word2vec import Word2VecConfig, is_checkpoint, read_checkpoint
    from wordkit.word2vec.resumed_training import trained_config

    if init is not None:
        vectors = load_embeddings(init)
        config = Word2VecConfig(**{"dim": vectors.dim, **given})
        return Beginning(config, init, vectors=vectors)
    if resume is None:
        return Beginning(Word2VecConfig(**given))
    if is_checkpoint(resume):
        checkpoint = read_checkpoint(resume)
        return Beginning(_changed(checkpoint.config, given), resume, checkpoint=checkpoint)
    model = load_embeddings(resume)
    before = trained_config(model) or Word2VecConfig(dim=model.dim)
    return Beginning(_changed(before, given), resume, model=model)


def _changed(config: Word2VecConfig, given: Mapping[str, Any]) -> Word2VecConfig:
    """The settings of an earlier training with those that are set anew."""
    new = {name: value for name, value in given.items() if value != getattr(config, name)}
    if new.keys() & {"arch", "loss", "cbow_gradient"}:  # another default, where none is given
        new = {"lr": None, "vectors": None, **given}
    return replace(config, **new)


def protect(
    beginning: Beginning,
    progress: Progress,
    *,
    output: str,
    checkpoint: str | None,
    log: str | None,
) -> None:
    """Complain where the file to begin with, or one that should stay, would be lost.

    A model may be replaced by what comes of it, which has all its words; a checkpoint by those of
    the training that goes on from it, or where nothing can or needs to go on from it any more.
    """
    from wordkit.word2vec import is_checkpoint

    if checkpoint is not None and os.path.exists(checkpoint) and os.path.getsize(checkpoint):
        if not is_checkpoint(checkpoint):
            raise ConfigError(
                f"{checkpoint} is there and is no checkpoint; name another file for checkpoints"
            )
        if beginning.file is None or not os.path.samefile(beginning.file, checkpoint):
            give_way(checkpoint, _stopped, progress)
    if beginning.file is not None:
        written = (log,) if beginning.model is not None else (output, log)
        refuse_overwriting([beginning.file], written)


def _stopped(checkpoint: str) -> str | None:
    from wordkit.word2vec import read_checkpoint

    share = read_checkpoint(checkpoint).share_done
    return f"at {share:.0%}" if share < 1 else None
