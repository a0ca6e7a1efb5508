"""wordkit evaluate-dialogue: perplexity, variety and exact match of a dialogue model."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from wordkit.config import settings_of
from wordkit.decoding.config import SamplingConfig
from wordkit.seq2seq.config import DecodingConfig
from wordkit.storage import check_outputs
from wordkit.text.detokenizer import UNIT_NOUNS
from wordkit_cli.models import DIALOGUE, find, load_dialogue, model_and
from wordkit_cli.options import encoding_options, json_option, model_device_option, progress_options
from wordkit_cli.output import counted, print_json, print_table
from wordkit_cli.progress import Progress
from wordkit_cli.sections import SectionedCommand, option
from wordkit_cli.sequence_models import decoding_config, read_dialogue_files, samples_option
from wordkit_cli.setting_options import SettingOptions, changed

if TYPE_CHECKING:
    from wordkit.evaluation.dialogue import DialogueScore

__all__ = ["command"]

_SAMPLING = SettingOptions({"Draws": SamplingConfig})
_DECODING = SettingOptions(
    {"Decoding": DecodingConfig},
    hidden=("batch", "alternatives", "copy_unknown", "sample", *settings_of(SamplingConfig)),
)


@click.command("evaluate-dialogue", cls=SectionedCommand)
@click.argument("files", nargs=-1, required=True, metavar="[MODEL] DIALOGUES")
@_DECODING
@option(
    "--draws", default=10, show_default=True, type=click.IntRange(min=1), metavar="N",
    help="Number of answers to draw to the same turns.", section="Draws",
)  # fmt: skip
@_SAMPLING
@samples_option
@model_device_option
@encoding_options
@json_option
@progress_options
def command(files: tuple[str, ...], as_json: bool, log: str | None, **options: Any) -> None:
    """Measure how well MODEL predicts the turns of DIALOGUES, and how it answers them.

    Each turn but the first is predicted, and answered, given the true turns before it. Perplexity
    is that of a word, character or piece, as MODEL reads them, with the ends of turns; of a model
    with a latent variable a bound of it, by importance sampling. Distinct-1 and -2 are the
    different ones of the answers, and pairs of them, over all units of the answers (Li et al.
    2016); distinct answers are the different ones among --draws to the same turns, on average over
    200 places. Where turns are words or pieces, and not all shorter than four words, BLEU (pip
    install 'wordkit[bleu]'). Default of MODEL: $WORDKIT_DIALOGUE, else ./dialogue.safetensors.

    \b
    Examples:
      wordkit evaluate-dialogue dialogue.safetensors test.txt
      wordkit evaluate-dialogue test.txt --beam 5 --json
    """
    from wordkit.seq2seq.dialogue import iter_evaluate_dialogues

    named, file = model_and("file of DIALOGUES", files)
    model = find(DIALOGUE, named)
    check_outputs([log], [model])
    asked = load_dialogue(model, options["device"])
    (sampling,) = _SAMPLING.given(options)
    others = {name: value for name, value in options.items() if name not in sampling}
    config = decoding_config(_DECODING, others)
    with Progress(quiet=options["quiet"], log=log) as progress:
        dialogues = read_dialogue_files([file], options, outputs=(log,))
        run = iter_evaluate_dialogues(
            asked, dialogues, config, sampling=changed(SamplingConfig(), **sampling),
            draws=options["draws"], samples=options["samples"],
        )  # fmt: skip
        score = progress.finish(run)
        if asked.config.unit != "char" and find_spec("sacrebleu") is None:
            progress.say("BLEU needs sacrebleu; pip install 'wordkit[bleu]'")
    if as_json:
        print_json(_as_json(score))
    else:
        _print(score, f"{UNIT_NOUNS[asked.config.unit]}s", options["draws"])


def _as_json(score: DialogueScore) -> dict[str, Any]:
    names = (
        "perplexity", "kl", "distinct_1", "distinct_2", "distinct_answers", "exact_match",
        "turns", "units", "right", "unknown",
    )  # fmt: skip
    bleu = None if score.translation is None else score.translation.bleu
    return {**{name: getattr(score, name) for name in names}, "bleu": bleu}


def _print(score: DialogueScore, units: str, draws: int) -> None:
    shown = math.floor(score.exact_match * 1e4) / 1e4  # 100 % is shown only where all are right
    rows = [
        ("perplexity", f"{score.perplexity:.2f}", f"of {score.units:,} {units} and ends of turns"),
        ("exact match", f"{shown:.2%}", f"{score.right:,} of {counted(score.turns, 'turn')}"),
        ("distinct-1", f"{score.distinct_1:.4f}", f"different {units} of the answers"),
        ("distinct-2", f"{score.distinct_2:.4f}", f"different pairs of {units}"),
        ("distinct answers", f"{score.distinct_answers:.2f}", f"of {draws} draws"),
    ]
    if score.kl is not None:
        rows.insert(1, ("KL", f"{score.kl:.3f}", "nats a turn; the perplexity is a bound"))
    if score.translation is not None:
        rows.append(("BLEU", f"{score.translation.bleu:.2f}", "against the true turns"))
    if score.unknown:
        rows.append(("unknown", f"{score.unknown:,}", f"{units} of the turns, <unk> to the model"))
    print_table(rows, right=(1,))
