"""wordkit convert: one vector file format → another, a language model → vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wordkit_cli.models import load_vectors
from wordkit_cli.output import counted
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings

__all__ = ["command"]

_FORMATS = ["native", "word2vec", "word2vec-binary", "glove", "fasttext", "projector"]


@click.command("convert")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--from",
    "source_format",
    type=click.Choice(_FORMATS[:-1]),
    help="Format of FROM. Default: told by its content.",
)
@click.option(
    "--to",
    "target_format",
    type=click.Choice(_FORMATS),
    help="Format of TO. Default: told by its suffix.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many words.")
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the words.")
@click.option(
    "--errors",
    type=click.Choice(["strict", "replace"]),
    default="strict",
    show_default=True,
    help="Words that cannot be decoded: stop, or read them with U+FFFD.",
)
@click.option(
    "--vectors-only",
    is_flag=True,
    help="Leave out what training needs to go on (about half of a trained file).",
)
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def command(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    limit: int | None,
    encoding: str,
    errors: str,
    vectors_only: bool,
    quiet: bool,
) -> None:
    """Turn the vector file FROM into the file TO.

    Only the native format keeps what training needs to go on, and only without --limit. Where FROM
    is a language model, TO gets the vectors of its words: the layer that they go in by.

    \b
    Formats, by the suffix of TO (and .gz, .bz2 or .xz behind it):
      .safetensors   native: wordkit's own, opened without reading it
      .txt           word2vec text
      .bin           word2vec binary
      .glove         GloVe text: no header
      .vec           fastText text
      .tsv           TensorBoard projector: x.tsv, and the words in x.metadata.tsv

    \b
    Examples:
      wordkit convert GoogleNews-vectors-negative300.bin.gz news.safetensors
      wordkit convert vectors.safetensors vectors.txt --limit 10000
      wordkit convert lm.safetensors vectors.safetensors
    """
    from wordkit.embeddings import save_embeddings
    from wordkit.embeddings.formats import format_by_suffix
    from wordkit.storage import LANGUAGE_MODEL, check_writable, is_of_kind

    check_writable(target)
    if target_format is None:
        format_by_suffix(target)
    if source_format is None and is_of_kind(source, LANGUAGE_MODEL):
        vectors = _embedding_layer(source, target, limit)
    else:
        vectors = load_vectors(
            source, format=source_format, limit=limit, encoding=encoding, errors=errors
        )
    vectors.check()
    if vectors_only:
        vectors = vectors.without_weights()
    save_embeddings(vectors, target, target_format)
    if not quiet:
        say(f"{target}: {counted(len(vectors), 'word')}, {counted(vectors.dim, 'dimension')}")


def _embedding_layer(source: str, target: str, limit: int | None) -> Embeddings:
    """The vectors of the words of a language model, of all or of the first so many."""
    from wordkit.embeddings import Embeddings
    from wordkit.text import Vocabulary
    from wordkit_cli.inputs import refuse_overwriting
    from wordkit_cli.models import load_model

    refuse_overwriting([source], [target])
    vectors = load_model(source, "cpu").embeddings()
    made: dict[str, Any] = {"made_by": "wordkit convert", "source": source, **vectors.metadata}
    words = Vocabulary(vectors.words[:limit], vectors.vocabulary.counts[:limit])
    return Embeddings(words, vectors.vectors[:limit], metadata=made)
