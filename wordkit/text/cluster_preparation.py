"""Prepare on a cluster: text → corpus, byte for byte the one that a single machine writes.

Each task scans a part of the text and writes its ids, in numbers of its own, with the words that it
has counted. The words are merged in a tree, in the order of the text, and sorted and cut once. Then
the ids of all parts are written, in the numbers of the vocabulary, where the command runs.
"""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from wordkit.errors import ConfigError, TextError
from wordkit.runtime import Report
from wordkit.runtime.cluster import Cluster
from wordkit.storage.parts import Part, PartFolder, part_in
from wordkit.text.blocks import TextPart, TextSource, changed_text, parts_of
from wordkit.text.bpe_training import TextSpool, learn_pieces
from wordkit.text.corpus import Corpus, written_corpus
from wordkit.text.corpus_folder import CorpusWriter
from wordkit.text.numbering import corpus_settings, number_words, write_renumbered
from wordkit.text.scanner import BlockIds, WordTable
from wordkit.text.sizes import TextSizes, measure_text
from wordkit.text.tokenizers import Tokenizer, get_tokenizer
from wordkit.text.unit_scanners import make_scanner
from wordkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from distributed import Client

    from wordkit.text.config import TextConfig

__all__ = ["prepare_on_cluster"]

_PART_BYTES = 64 << 20
_FAN_IN = 8  # tables of words merged at a time
_PIECE = 1 << 20  # ids read at a time


def prepare_on_cluster(
    source: TextSource,
    folder: str | os.PathLike[str] | None,
    config: TextConfig,
    given: Vocabulary | None,
    client: Client,
) -> Generator[Report, None, Corpus]:
    """Read text into a corpus on the workers of a Dask cluster.

    Beside the corpus lies the folder ``FOLDER.parts`` while this runs. Where it has not ended well,
    the next run on the same text and settings reuses the parts in it that are finished.

    Args:
        source, folder, config, given: as for :func:`wordkit.text.iter_prepare`; the workers must
            see the files of the text, and the folder.
        client: of the cluster.

    Raises:
        ConfigError: the text is not in files, ``bpe`` is to learn from a fraction of it, or a
            worker runs another version.
        TextError: the text cannot be read, holds no token, or changes while it is read.
        ResourceError: the cluster has no worker, or has lost them.
        StorageError: the folder cannot be written, or a worker cannot see it.
    """
    tokenizer = get_tokenizer(config.tokenizer, config.normalize, config.case)
    if config.learnt_fraction < 1:
        raise ConfigError(
            "learnt_fraction is for one machine; prepare a part of the text there, and name that "
            "corpus as vocabulary"
        )
    if tokenizer.is_exact:
        config = replace(config, eos=True)
    with CorpusWriter(folder) as writer, PartFolder(f"{writer.folder}.parts") as parts:
        cluster = Cluster(client, parts.path, tokenizer.packages)
        yield from _prepare(source, config, given, tokenizer, cluster, parts, writer)
    return written_corpus(writer)


def _prepare(
    source: TextSource,
    config: TextConfig,
    given: Vocabulary | None,
    tokenizer: Tokenizer,
    cluster: Cluster,
    parts: PartFolder,
    writer: CorpusWriter,
) -> Generator[Report, None, None]:
    texts = parts_of(source, _PART_BYTES)
    if tokenizer.unit == "bpe" and tokenizer.bpe is None:
        with TextSpool(source, writer) as text:
            tokenizer, _ = yield from learn_pieces(text, tokenizer, config, given)
    rules: object = tokenizer.bpe and tokenizer.bpe.record()
    if rules is None and not isinstance(config.tokenizer, str):
        rules = uuid.uuid4()  # a function, of which nothing tells whether it is the same
    how = (tokenizer.name, tokenizer.normalize, tokenizer.lowercase, rules, config.eos)
    jobs = [
        _Scan(text, tokenizer, config.eos, parts.part("text", text.version, how)) for text in texts
    ]
    scans = [cluster.submit("read text", _scan, job) for job in jobs]
    merging, (last,) = cluster.tree("merge words", _merge_words, scans, _FAN_IN, parts.path)

    tokens, lines, sizes = yield from _sum_of_scans(texts, scans, cluster)
    if tokens <= (lines if config.eos else 0):
        raise TextError(f"{source.name} holds no token: it is empty, or all white space")
    for done, _ in enumerate(cluster.results(merging), 1):
        yield Report("merging words", done, len(merging), "parts")
    yield Report("ordering the words", 0, 1)
    root, table = Part(cluster.result(last)["path"]), WordTable()
    _add_words(table, root, 0)
    numbering = number_words(table, config, given, tokenizer.unit)
    yield Report("ordering the words", 1, 1)
    kept = yield from write_renumbered(writer, _blocks(root, numbering.ids), tokens)
    settings = corpus_settings(config, tokenizer, source.name, (tokens, kept), sizes, {})
    writer.finish(numbering.vocabulary, settings)


def _sum_of_scans(
    texts: list[TextPart], scans: list[Any], cluster: Cluster
) -> Generator[Report, None, tuple[int, int, TextSizes]]:
    """Report the scans as they end; return the tokens, the lines and the sizes of all."""
    of_parts = [text.size for text in texts]
    total = None if None in of_parts else sum(size or 0 for size in of_parts)
    figures: dict[str, float] = {"parts": len(texts)}
    whole = sum(not t.is_divided and (t.size or _PART_BYTES) > _PART_BYTES for t in texts)
    if whole:  # packed, or in another encoding
        figures["undivided"] = whole
    read = tokens = lines = 0
    sizes = TextSizes()
    yield Report("reading", 0, total, "bytes", figures)
    for record in cluster.results(scans):
        read += record["bytes"]
        tokens += record["tokens"]
        lines += record["lines"]
        sizes += TextSizes(**record["sizes"])
        yield Report("reading", read, total, "bytes", {**figures, "tokens": tokens})
    return tokens, lines, sizes


def _blocks(
    part: Part, numbers: npt.NDArray[np.int32]
) -> Iterator[tuple[BlockIds, npt.NDArray[np.int32]]]:
    """Yield the ids of a part in pieces, each with the final ids of the numbers in it.

    Args:
        part: of the text, or of words merged from parts that follow each other.
        numbers: the final ids of its words.
    """
    file = part.read()
    if merged := (part.finished() or {}).get("merged"):
        for number, path in enumerate(merged):
            yield from _blocks(Part(path), numbers[file.tensor(f"words of {number}", np.int32, 1)])
        return
    ids, ends = part.array("ids"), part.array("ends")
    seen = 0
    for start in range(0, max(len(ids), 1), _PIECE):
        piece = ids[start : start + _PIECE]
        stop = int(np.searchsorted(ends, start + len(piece), side="right"))
        yield BlockIds(piece, (ends[seen:stop] - start).astype(np.int32)), numbers
        seen = stop


# --- tasks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scan:
    """The scan of a part."""

    text: TextPart
    tokenizer: Tokenizer
    eos: bool
    part: Part


def _scan(job: _Scan) -> dict[str, Any]:
    """Scan a part of the text, unless that is done; return its record."""
    if (record := job.part.finished()) is not None:
        return record
    try:
        return _scan_text(job, job.text)
    except TextError:  # once more, for the numbers of lines
        _check_unchanged(job)
        return _scan_text(job, job.text.numbered())


def _scan_text(job: _Scan, text: TextPart) -> dict[str, Any]:
    scanner = make_scanner(job.tokenizer, eos=job.eos)
    ids, ends = job.part.new_array(np.int32), job.part.new_array(np.int64)
    sizes, progress = TextSizes(), 0
    for index, block in enumerate(text.blocks()):
        if text.replace_errors:
            block = replace(block, data=block.data.decode("utf-8", "replace").encode())
        found = scanner.scan(block, index << 32)
        ends.append(ids.size + found.line_ends.astype(np.int64))
        ids.append(found.ids)
        sizes += measure_text(block.data, job.tokenizer.normalize)
        progress = block.progress
    _check_unchanged(job)
    record = {
        "path": job.part.path, "tokens": ids.size, "lines": ends.size,
        "sizes": dataclasses.asdict(sizes), "bytes": progress,
    }  # fmt: skip
    return job.part.write(record, _words_of(scanner.table), {"ids": ids, "ends": ends})


def _check_unchanged(job: _Scan) -> None:
    if (file := job.text.changed_file()) is not None:
        raise changed_text(file)


def _words_of(table: WordTable) -> dict[str, npt.NDArray[Any]]:
    """Return the words of a table with their counts, and ranks by first appearance."""
    firsts, counts = np.zeros(table.size, np.int64), table.counts.copy()
    seen = np.flatnonzero(counts)
    firsts[seen[np.argsort(table.firsts[seen], kind="stable")]] = np.arange(len(seen))
    lines = table.lines(np.arange(table.size))
    return {"words": np.frombuffer(lines, np.uint8), "counts": counts, "firsts": firsts}


def _add_words(table: WordTable, part: Part, first: int) -> npt.NDArray[np.int32]:
    """Add words of a part to a table, as coming after ``first`` others; return their numbers."""
    file = part.read()
    counts, firsts = file.tensor("counts", np.int64, 1), file.tensor("firsts", np.int64, 1)
    firsts = np.where(counts > 0, first + firsts, 0)
    return table.add(file.tensor("words", np.uint8, 1).tobytes(), 0, counts.copy(), firsts)


def _merge_words(records: list[dict[str, Any]], folder: str) -> dict[str, Any]:
    """Merge the words of parts that follow each other, unless that is done; return the record."""
    paths = [record["path"] for record in records]
    merged = part_in(folder, "words", *paths)
    if (record := merged.finished()) is not None:
        return record
    table, tensors, first = WordTable(), {}, 0
    for number, path in enumerate(paths):
        words = tensors[f"words of {number}"] = _add_words(table, Part(path), first)
        first += len(words)
    return merged.write({"path": merged.path, "merged": paths}, tensors | _words_of(table))
