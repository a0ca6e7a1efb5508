"""wordkit train-lm: a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from wordkit.lm.config import ModelConfig, TrainingConfig
from wordkit.storage import LANGUAGE_MODEL_CHECKPOINT
from wordkit.text.corpus import UNTOLD
from wordkit.text.detokenizer import UNIT_NOUNS
from wordkit_cli.inputs import TextOptions, check_texts, read_corpus
from wordkit_cli.models import LANGUAGE_MODEL, load_model, load_vectors
from wordkit_cli.options import (
    Refused,
    init_option,
    network_options,
    output_option,
    progress_options,
    text_options,
    validation_options,
)
from wordkit_cli.output import counted
from wordkit_cli.progress import Progress, short
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.setting_options import SettingOptions, changed
from wordkit_cli.training import (
    begin_training,
    finish_training,
    is_first_process,
    show_preset_option,
)

if TYPE_CHECKING:
    from wordkit.embeddings import Embeddings
    from wordkit.lm import Checkpoint, LanguageModel
    from wordkit.lm.fitting import TrainingPlan
    from wordkit.text import Corpus

__all__ = ["command"]

_SETTINGS = SettingOptions(
    {"Model": ModelConfig, "Training": TrainingConfig},
    hidden=("start_embeddings", "adaptive"),  # set by --embeddings and --softmax
    shows_defaults=False,  # they are those of a preset, or fitted to the text
)
_MADE = ("counts", "random")  # word vectors to start from that no file holds


@click.command("train-lm", cls=SectionedCommand)
@click.argument("text", nargs=-1, required=True, metavar="TEXT...")
@output_option(LANGUAGE_MODEL.file, "FILE", "The language model to write.")
@validation_options("text", 0.05, "TEXT, its last lines,")
@option(
    "--test", metavar="FILE", section="Text", help="Text to measure the perplexity on at the end."
)
@option(
    "--preset", metavar="NAME", section="Model", main=True,
    help="Start from the settings of a preset. Default: fitted to text and time.",
)  # fmt: skip
@show_preset_option(
    "wordkit.lm.presets",
    "Show the settings of a preset and exit: rnnlm, zaremba-small, zaremba-medium, zaremba-large, "
    "awd-lstm, transformer-small, nanogpt-cpu or nanogpt-char.",
)
@option(
    "--embeddings", metavar="FILE|counts|random", section="Model",
    help="Initial word embeddings: a file of vectors, or counts: vectors counted in TEXT.",
)  # fmt: skip
@init_option("a language model", "words", "TEXT")
@_SETTINGS
@network_options
@text_options
@progress_options
def command(text: tuple[str, ...], output: str, **options: Any) -> None:
    """Train a language model on TEXT: RNN, LSTM, GRU or Transformer.

    TEXT is one or more files (also .gz, .bz2, .xz), folders, globs, named corpora, - for standard
    input, or one folder that wordkit prepare made. Each line is a sentence.

    Without --preset, --epochs or --max-minutes the training takes 5 minutes, and the model is the
    one that learns most in them. torchrun starts it on several processors or machines.

    \b
    Examples:
      wordkit train-lm corpus.txt
      wordkit train-lm ptb.train.txt --valid ptb.valid.txt --max-minutes 20
      wordkit train-lm corpus.txt --tokenizer char --max-minutes 3
      wordkit train-lm corpus.txt --preset awd-lstm --device cuda
      wordkit train-lm corpus.txt --cell gru --hidden 300 --layers 2 --epochs 10
      wordkit train-lm corpus.txt --arch transformer --max-minutes 20
      wordkit train-lm mine.txt --init lm.safetensors -o mine.safetensors
      wordkit train-lm corpus.txt --checkpoint lm.checkpoint --resume
      torchrun --nproc-per-node 2 -m -- wordkit_cli train-lm corpus.txt
    """
    from wordkit.lm import iter_train_language_model, read_checkpoint, save_language_model

    outputs = (output, options["checkpoint"], options["log"])
    others = [options[name] for name in ("valid", "test") if options[name] is not None]
    check_texts(others, outputs, options["data_dir"])
    vectors = options["embeddings"]
    starts = [options["init"], None if vectors in _MADE else vectors]
    choice, threads = TextOptions.take(options), options["threads"]
    beginning = begin_training(output, options, starts, read_checkpoint, LANGUAGE_MODEL_CHECKPOINT)
    with beginning as (progress, writing, resume):
        init = None if options["init"] is None else load_model(options["init"], "cpu")
        plan = _plan(options, resume, init)
        train, valid, test = _read_texts(text, choice, options, progress, outputs, init)
        chosen = progress.finish(plan.iter_fit(train, device=options["device"], threads=threads))
        if plan.preset is None:
            dropout = chosen.model.dropout
            progress.say(f"{chosen.description}: {chosen.model.shape}, dropout {dropout:g}")
        run = iter_train_language_model(
            train, chosen.model, chosen.training, valid=valid,
            embeddings=_vectors(options, resume), init=init, device=options["device"],
            threads=threads, checkpoint=writing, resume=resume,
        )  # fmt: skip
        is_first = is_first_process()
        save = save_language_model if is_first else None
        model = finish_training(run, output, save, progress, options["checkpoint"])
        if not is_first:  # it has the same model
            return
        if known := model.metadata.get("embeddings"):
            words = counted(known["words"], "word")
            progress.say(f"{known['known']:,} of {words} have vectors to start from")
        if start := model.metadata.get("init"):
            stay = counted(start["words"], UNIT_NOUNS[model.unit])
            new, unknown = start["new_words"], start["unknown_words"]
            said = f"its {stay} stay, {new:,} of the text join them, {unknown:,} are <unk>"
            progress.say(f"{options['init']}: {said}")
        progress.say(f"{output}: {_described(model, run.rate)}")
        _say_scores(model, valid, test, progress)


def _plan(
    options: Mapping[str, Any], resume: Checkpoint | None, init: LanguageModel | None
) -> TrainingPlan:
    """Check the settings that are known before the texts are read."""
    from wordkit.lm.fitting import plan_training

    model, training = _SETTINGS.given(options)
    if options["embeddings"] in _MADE:
        model["start_embeddings"] = options["embeddings"]
    elif options["embeddings"] is not None and resume is not None:
        model.setdefault("dim", resume.model.dim)
    return plan_training(
        model, training, preset=options["preset"], resume=resume,
        embeddings=_vectors(options, resume, limit=1),  # all of them may take long to read
        init=None if init is None else init.config, update=changed,
    )  # fmt: skip


def _vectors(
    options: Mapping[str, Any], resume: Checkpoint | None, **limit: int
) -> Embeddings | None:
    """Load the vectors to start from; None where no file is named, or the weights hold them."""
    if options["embeddings"] in (None, *_MADE) or resume is not None:
        return None
    return load_vectors(options["embeddings"], **limit)


def _read_texts(
    paths: tuple[str, ...],
    choice: TextOptions,
    options: Mapping[str, Any],
    progress: Progress,
    outputs: tuple[str | None, ...],
    init: LanguageModel | None,
) -> tuple[Corpus, Corpus | None, Corpus | None]:
    """The texts to train, validate and test on, tokenized alike, and as that of ``init``."""
    from wordkit.lm import hold_out

    def read(
        paths: Sequence[str], like: Mapping[str, Any] | None = None, **settings: Any
    ) -> Corpus:
        return read_corpus(
            paths, choice if like is None else replace(choice, tokenizer=None), progress=progress,
            outputs=outputs, like=like, threads=options["threads"], eos=True, **settings,
        )  # fmt: skip

    settings = dict[str, Any]()
    if choice.tokenizer == "bpe" and options["valid"] is None:
        settings["learnt_fraction"] = 1 - options["hold_out"]
    if init is None:
        train = read(paths, pieces=options["max_vocabulary"], **settings)
    else:
        own = init.text_settings
        if choice.tokenizer not in (None, own["tokenizer"]):
            raise Refused(
                f"--tokenizer {choice.tokenizer} has no effect with --init: TEXT is tokenized as "
                f"the model's own text was, by {own['tokenizer']}"
            )
        train = read(paths, own)
    like = {**UNTOLD, **train.settings}
    valid, test = (
        None if options[name] is None else read([options[name]], like) for name in ("valid", "test")
    )
    if valid is None and options["hold_out"]:
        train, valid = hold_out(train, options["hold_out"])
        progress.say(
            f"held out to validate on: the end of the text, {counted(valid.tokens, 'token')}"
        )
    return train, valid, test


def _say_scores(
    model: LanguageModel, valid: Corpus | None, test: Corpus | None, progress: Progress
) -> None:
    """Print the perplexity of the test text, and say what compares models of different units."""
    from wordkit.lm import iter_perplexity
    from wordkit.lm.data import TokenStream
    from wordkit.lm.scoring import perplexity_of

    perplexity, scores = model.metadata["training"]["valid_perplexity"], dict[str, Any]()
    if valid is not None and perplexity is not None:
        stream = TokenStream(valid, model.vocabulary, model.text_settings)
        scores["validation"] = perplexity_of(perplexity, stream)
    if test is not None:
        scores["test"] = progress.finish(iter_perplexity(model, test))
        click.echo(f"test perplexity {scores['test'].perplexity:.2f}")
    for text, score in scores.items():
        if score.nats_per_character is not None:
            progress.say(
                f"{text}: {score.nats_per_character:.4f} nats and {score.bits_per_character:.4f} "
                f"bits per character, {score.bits_per_byte:.4f} bits per byte, perplexity per word "
                f"{score.perplexity_per_word:.2f}"
            )
        elif score.oov:
            progress.say(
                f"{text}: nothing is known per character, as {score.oov_rate:.1%} of the tokens "
                "are <unk>"
            )


def _described(model: LanguageModel, rate: float | None) -> str:
    """A model and its training in one line."""
    training = model.metadata["training"]
    facts = [model.config.shape, counted(len(model.vocabulary), UNIT_NOUNS[model.unit])]
    facts.append(counted(float(training["epochs"]), "epoch"))
    if training["valid_perplexity"] is not None:
        value = training["valid_perplexity"]
        facts.append(f"validation perplexity {value:{'.1f' if value < 1e6 else '.1e'}}")
    if rate:
        facts.append(f"{short(rate)} tokens/s")
    return ", ".join(facts)
