"""wordkit convert: one vector file → another, a language model → vectors or a smaller one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wordkit.embeddings.formats import FORMATS
from wordkit.errors import ConfigError
from wordkit_cli.models import load_vectors
from wordkit_cli.options import encoding_options, encoding_values
from wordkit_cli.output import counted
from wordkit_cli.progress import say

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings

__all__ = ["command"]

_READABLE = [name for name, known in FORMATS.items() if known.read is not None]
_WRITABLE = [name for name, known in FORMATS.items() if known.write is not None]
_MODEL = "lm"  # what --to calls a language model


@click.command("convert")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--from", "source_format", type=click.Choice(_READABLE),
    help="Format of FROM. Default: detected by its content.",
)  # fmt: skip
@click.option(
    "--to", "target_format", type=click.Choice([*_WRITABLE, _MODEL]),
    help="Format of TO, or lm: a language model stays one. Default: detected by its suffix.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=1), help="Number of words to read, the first ones."
)
@encoding_options
@click.option(
    "--vectors-only", is_flag=True,
    help="Leave out what further training needs (about half of a trained file).",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", show_default=True,
    help="Keep numbers in 4 bytes, in 2, or in 1 with a scale for each row (native and lm).",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def command(source: str, target: str, limit: int | None, precision: str, **options: Any) -> None:
    """Convert the vector file FROM to the file TO.

    Only the native format keeps what further training needs, and only without --limit and
    --precision. Where FROM is a language model, TO gets its input embeddings; or,
    with --to lm, the whole model in fewer bytes.

    \b
    Formats, by the suffix of TO (and .gz, .bz2 or .xz after it):
      .safetensors   native: wordkit's own, opened without reading it
      .txt           word2vec text
      .bin           word2vec binary
      .glove         GloVe text: no header
      .vec           fastText text
      .tsv           TensorBoard projector: x.tsv, and the words in x.metadata.tsv;
                     written only
    fastText's models (.bin) are read, supervised and quantized ones too. The native format keeps
    their vectors of n-grams.

    \b
    Examples:
      wordkit convert GoogleNews-vectors-negative300.bin.gz news.safetensors
      wordkit convert cc.de.300.bin german.safetensors
      wordkit convert vectors.safetensors vectors.txt --limit 10000
      wordkit convert lm.safetensors vectors.safetensors
      wordkit convert vectors.safetensors small.safetensors --precision int8
      wordkit convert lm.safetensors small.safetensors --to lm --precision int8
    """
    from wordkit.embeddings import save_embeddings
    from wordkit.embeddings.formats import files_of
    from wordkit.storage import LANGUAGE_MODEL, check_outputs, check_writable, kind_of

    if target == "-":
        raise click.UsageError("TO is a file, not standard output; ./- is a file called -")
    check_writable(target)
    source_format, target_format = options["source_format"], options["target_format"]
    is_model = target_format == _MODEL
    check_outputs([target] if is_model else files_of(target, target_format), [source])
    if is_model:
        if source_format is not None or limit is not None or options["vectors_only"]:
            raise click.UsageError(
                "--to lm keeps the whole model; leave out --from, --limit and --vectors-only"
            )
        _smaller_model(source, target, precision, options["quiet"])
        return
    if source_format is None and kind_of(source) == LANGUAGE_MODEL:
        vectors = _embedding_layer(source, limit)
    else:
        decoding = encoding_values(options)
        vectors = load_vectors(source, format=source_format, limit=limit, **decoding)
    vectors.check()
    if options["vectors_only"]:
        vectors = vectors.without_weights()
    save_embeddings(vectors, target, target_format, precision=precision)
    if not options["quiet"]:
        say(f"{target}: {counted(len(vectors), 'word')}, {counted(vectors.dim, 'dimension')}")


def _smaller_model(source: str, target: str, precision: str, quiet: bool) -> None:
    """Write a language model anew."""
    import os

    from wordkit.lm import save_language_model
    from wordkit_cli.models import load_model

    save_language_model(load_model(source, "cpu"), target, precision=precision)
    if not quiet:
        say(f"{target}: {counted(os.path.getsize(target), 'byte')}")


def _embedding_layer(source: str, limit: int | None) -> Embeddings:
    """The vectors of the words of a language model, of all or the first ones."""
    from wordkit.embeddings import Embeddings
    from wordkit.text import Vocabulary
    from wordkit.text.detokenizer import UNIT_NOUNS
    from wordkit_cli.models import load_model

    model = load_model(source, "cpu")
    if model.unit != "word":
        raise ConfigError(
            f"the units of {source} are {UNIT_NOUNS[model.unit]}s, not words, so it has no list of "
            "word vectors; --to lm keeps the model"
        )
    vectors = model.embeddings()
    made: dict[str, Any] = {"made_by": "wordkit convert", "source": source, **vectors.metadata}
    words = Vocabulary(vectors.words[:limit], vectors.vocabulary.counts[:limit])
    return Embeddings(words, vectors.vectors[:limit], metadata=made)
