"""The training of a byte-pair encoding on a text, which is kept to be read a second time."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import islice

from wordkit.errors import ConfigError
from wordkit.runtime import Report
from wordkit.text.blocks import Block, TextSource
from wordkit.text.bpe import BytePairEncoding
from wordkit.text.config import PIECES, TextConfig
from wordkit.text.corpus_folder import CorpusWriter, SpoolFile
from wordkit.text.tokenizers import Tokenizer
from wordkit.text.unit_scanners import block_text
from wordkit.text.vocabulary import Vocabulary

__all__ = ["TextSpool", "learn_pieces"]


class TextSpool(SpoolFile):
    """The blocks of a text in a file; a :class:`wordkit.text.TextSource` once they are read.

    Args:
        source: the text, read once.
        writer: of the corpus in whose folder the file is, as long as the context lasts.
    """

    replace_errors = False

    def __init__(self, source: TextSource, writer: CorpusWriter) -> None:
        self.name, self.size = source.name, 0
        super().__init__(writer, "words")
        self._source = source
        self._blocks: list[tuple[Block, int]] = []  # without their data, of which this many bytes

    def read(self) -> Generator[Report, None, None]:
        """Read the text; reports the bytes."""
        yield Report("reading", 0, self._source.size, "bytes")
        with contextlib.closing(self._source.blocks()) as blocks:
            for block in blocks:
                data = block.data
                if self._source.replace_errors:
                    data = data.decode("utf-8", "replace").encode()
                try:
                    self._file.write(data)
                    self._file.flush()
                except OSError as error:
                    raise self._writer.failed(error) from error
                self.size += len(data)
                self._blocks.append((replace(block, data=b"", progress=self.size), len(data)))
                yield Report("reading", block.progress, self._source.size, "bytes")

    def __len__(self) -> int:
        return len(self._blocks)

    def blocks(self) -> Generator[Block, None, None]:
        """Yield the blocks from the start of the text."""
        self._file.seek(0)
        for block, size in self._blocks:
            yield replace(block, data=self._file.read(size))

    def cut(self, fraction: float) -> int:
        """Cut the text at a line end near a fraction of its bytes; return the blocks before it.

        Where there is no line end after that place, those are all blocks.
        """
        wanted, start = round(self.size * fraction), 0
        for number, (block, size) in enumerate(self._blocks):
            if wanted <= start + size:
                self._file.seek(start)
                data = self._file.read(size)
                end = data.find(b"\n", max(wanted - start - 1, 0)) + 1
                if 0 < end < size:
                    line = block.line + data.count(b"\n", 0, end)
                    rest = replace(block, line=line, offset=block.offset + end)
                    self._blocks[number : number + 1] = [(block, end), (rest, size - end)]
                if end:
                    return number + 1
            start += size
        return len(self)


def learn_pieces(
    text: TextSpool, tokenizer: Tokenizer, config: TextConfig, given: Vocabulary | None
) -> Generator[Report, None, tuple[Tokenizer, int]]:
    """Read a text, and learn pieces from it.

    Args:
        text: to be read.
        tokenizer: ``bpe``, with a normal form and a case.
        config: the number of pieces, and the fraction of the text to learn from.
        given: None; a vocabulary has no pieces.

    Returns:
        The tokenizer with its pieces, and the number of blocks that they are learnt from.

    Raises:
        ConfigError: a vocabulary is given.
    """
    if given is not None:
        raise ConfigError("bpe needs its pieces, and a vocabulary does not have them")
    yield from text.read()
    blocks = text.cut(config.learnt_fraction)

    def lines() -> Iterator[str]:
        for block in islice(text.blocks(), blocks):
            yield from block_text(block, tokenizer).split("\n")

    yield Report("learning pieces", 0, 1)
    bpe = BytePairEncoding.learn(lines(), (config.max_size or PIECES) - 2)  # for <unk> and <eos>
    yield Report("learning pieces", 1, 1)
    return replace(tokenizer, bpe=bpe), blocks
