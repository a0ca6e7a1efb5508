"""The commands by name. A command's module is loaded when the command runs, so help is quick."""

from __future__ import annotations

import importlib
from typing import cast

import click

import wordkit

__all__ = ["cli"]

# Section by section: name, one line of help. The module is the name with underscores.
_SECTIONS: dict[str, dict[str, str]] = {
    "Learn": {
        "train-w2v": "Word vectors by prediction: word2vec, CBOW or skip-gram.",
        "train-counts": "Word vectors by counting: co-occurrence, PPMI, SVD.",
        "train-glove": "Word vectors by GloVe: least squares on co-occurrence.",
        "train-lm": "A language model: RNN, LSTM, GRU or Transformer.",
        "train-seq2seq": "A sequence-to-sequence model, with attention.",
        "train-dialogue": "A model that answers in dialogues (HRED).",
        "train-classifier": "A text classifier, from labelled lines.",
    },
    "Ask": {
        "similar": "The words nearest to a word.",
        "analogy": "king man woman: what is to woman as king is to man.",
        "vector": "The vector of a word, or the mean vector of a text.",
        "odd-one-out": "The word that does not fit among the others.",
        "similar-lines": "The lines of a text that are nearest to a sentence.",
        "classify": "The labels of each line of a text, by a classifier.",
    },
    "Look up": {
        "synonyms": "Other words for each sense of a word, from WordNet.",
        "hypernyms": "The hypernyms of a word, step by step up to the root.",
        "wordnet-similarity": "Similarity of two words in WordNet, by three measures.",
        "compare": "Neighbours of a word in WordNet and in several vectors.",
    },
    "Draw": {"plot": "Maps of words, neighbours of a word, curves of trainings."},
    "Write": {
        "generate": "Text from a language model, word by word.",
        "predict": "The words that may come next, with their probabilities.",
        "transform": "Text from a sequence-to-sequence model, line by line.",
        "chat": "A conversation with a dialogue model.",
        "interpolate": "Texts between two texts, from an autoencoder.",
        "attention": "Its attention weights for a text, as a map.",
    },
    "Measure": {
        "evaluate": "Score vectors on word similarity and analogies.",
        "perplexity": "The perplexity of a language model on a text.",
        "score": "Log-probabilities of lines and words, by the same.",
        "evaluate-seq2seq": "Exact match and error rate of a sequence model.",
        "evaluate-dialogue": "Perplexity and variety of a dialogue model.",
        "evaluate-classifier": "Accuracy and F1 of a classifier, label by label.",
    },
    "Files": {
        "prepare": "Turn text into a corpus of word ids, to train on many times.",
        "phrases": "Words that occur together more often than by chance.",
        "embed": "The lines of a text as vectors, one a line.",
        "convert": "Vectors into another format, models into fewer bytes.",
        "info": "What vectors, models and corpora hold, and how they were made.",
        "corpora": "The corpora that can be named instead of a file.",
        "tokenizers": "The tokenizers, with an example each.",
        "doctor": "What wordkit finds here: versions, cores, devices, files.",
    },
}


_RENAMED = {"exact-share": "exact-fraction"}
"""New names of options by old ones, which still work and are not in the help."""


class Commands(click.Group):
    """The commands of wordkit, loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of the help."""
        return [name for section in _SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command of this name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"wordkit_cli.{cmd_name.replace('-', '_')}")
        return cast("click.Command", module.command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first argument names; suggest one for a misspelt name."""
        name = args[0]
        if name not in self.list_commands(ctx) and not ctx.resilient_parsing:
            import difflib  # help need not wait for it

            near = difflib.get_close_matches(name, self.list_commands(ctx), 1)
            if near:
                ctx.fail(f"No such command {name!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, without loading any."""
        for title, section in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(section.items()))


@click.command(
    cls=Commands,
    no_args_is_help=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 96,
        "token_normalize_func": lambda token: _RENAMED.get(token, token),
    },
    epilog="Every command explains itself: wordkit COMMAND --help.",
)
@click.version_option(wordkit.__version__, "-V", "--version", message="wordkit %(version)s")
def cli() -> None:
    """Word vectors and language models, from raw text to answers.

    \b
    Try at once, with what comes bundled:
      wordkit similar car
      wordkit analogy king man woman
      wordkit generate --prompt "the city"

    \b
    Then learn from text of your own, or from Python's own documentation:
      wordkit train-w2v pydocs
      wordkit similar function
    """
