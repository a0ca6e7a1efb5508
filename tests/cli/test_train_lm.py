"""train-lm, from text to a model, and asked for what cannot be."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import click
import pytest
from command_line import Wordkit, log_of
from lm_calls import SMALL, run

from wordkit.config import without_effect
from wordkit.errors import ResourceError, WordkitError
from wordkit.lm.model import load_language_model
from wordkit.lm.presets import PRESETS, get_preset
from wordkit_cli.train_lm import command

# --- from text to a model -------------------------------------------------------------------------


def test_from_text_to_a_model_and_its_perplexity(wordkit: Wordkit, texts: Path) -> None:
    done = wordkit(
        *("train-lm", "train.txt", "--valid", "valid.txt", "--test", "test.txt", *SMALL),
        *("--epochs", "4", "--log", "log"),
    )
    match = re.fullmatch(r"test perplexity (\d+\.\d\d)\n", done.stdout)
    assert match is not None, done.stdout
    model = load_language_model("lm.safetensors")
    training = model.metadata["training"]
    summary = next(line for line in done.stderr.splitlines() if line.startswith("lm.safetensors"))
    assert summary.startswith("lm.safetensors: lstm 8, 10 words, 4 epochs, validation perplexity ")
    assert f"validation perplexity {training['valid_perplexity']:.1f}, " in summary
    assert summary.endswith(" tokens/s")
    measured = json.loads(wordkit("perplexity", "lm.safetensors", "test.txt", "--json").stdout)
    assert f"{measured['perplexity']:.2f}" == match[1]
    assert measured["tokens"] == 20 * 7
    assert 32 ** (1 / 7) < measured["perplexity"] < 4, "of the language: 32 equal lines of 7"
    assert {p.name for p in texts.iterdir()} == {
        "train.txt", "valid.txt", "test.txt", "lm.safetensors", "log"
    }  # fmt: skip

    lines = log_of(texts)
    steps = [line for line in lines if line["stage"] == "training"]
    assert steps[-1]["done"] == steps[-1]["total"] == 4 * 150 * 7 and steps[-1]["unit"] == "tokens"
    assert {"epoch", "loss", "lr", "valid_perplexity"} <= set(steps[-1])
    assert {line["epoch"] for line in steps} == {1, 2, 3, 4}
    assert [line["stage"] for line in lines].count("validating") >= 4
    assert sum(v["perplexity"] == steps[-1]["valid_perplexity"] for v in training["validations"])


def test_without_a_text_for_it_the_end_is_held_out(wordkit: Wordkit, texts: Path) -> None:
    """And its words are not known."""
    with (texts / "train.txt").open("a") as file:
        file.write("zebra zebra zebra .\n" * 3)
    said = wordkit("train-lm", "train.txt", *SMALL).stderr
    assert "held out to validate on" in said
    model = load_language_model("lm.safetensors")
    assert "zebra" not in model.vocabulary and "queen" in model.vocabulary
    assert len(model.metadata["training"]["validations"]) == 2
    run("train.txt", *SMALL, "--hold-out", "0", "-o", "all.safetensors")
    model = load_language_model("all.safetensors")
    assert "zebra" in model.vocabulary
    assert model.metadata["training"]["validations"] == []


def test_what_is_said_to_be_fitted_is_what_is_trained(wordkit: Wordkit, texts: Path) -> None:
    said = wordkit(
        *("train-lm", "train.txt", "--cell", "gru", "--hidden", "8", "--layers", "2"),
        *("--dropout", "0.4", "--epochs", "1"),
    ).stderr
    (line,) = (line for line in said.splitlines() if line.startswith("fitted to"))
    assert line.endswith(" for about 1.0 epochs: gru 2 x 8, dropout 0.4")
    assert "lm.safetensors: gru 2 x 8, " in said


def test_a_transformer_from_text_to_generated_words(wordkit: Wordkit, texts: Path) -> None:
    small = ("--layers", "2", "--hidden", "8", "--heads", "2", "--epochs", "2", "--steps", "6")
    said = wordkit("train-lm", "train.txt", "--arch", "transformer", *small).stderr
    (line,) = (line for line in said.splitlines() if line.startswith("transformer-small, for"))
    assert line.endswith(" tokens: transformer 2 x 8, dropout 0")
    assert "lm.safetensors: transformer 2 x 8, 10 words, 2 epochs, " in said
    assert len(wordkit("generate", "-n", "200", "--seed", "1").stdout.split()) > 100
    assert '"memory_length": 64' in wordkit("info", "lm.safetensors", "--json").stdout


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--preset", "foo"), "preset must be one of rnnlm, "),
        (("--show-preset", "foo"), "preset must be one of rnnlm, "),
        (("--embeddings", "nope"), "cannot read nope: there is no such file"),
        (("--valid", "nope.txt"), "cannot read 'nope.txt'"),
        (("--embeddings", "text"), "text is no vector file that wordkit knows"),
        (("--embeddings", "vectors", "--dim", "3"), "set dim to 2 or give other vectors"),
        (("--checkpoint", "c", "--resume", "--hidden", "9"), "begun with hidden 8"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_before_the_text_is_read(
    wordkit: Wordkit, texts: Path, wrong: tuple[str, ...], message: str
) -> None:
    (texts / "text").write_text("no vectors here\n")
    (texts / "vectors").write_text("1 2\ncat 0.5 0.25\n")
    if "--resume" in wrong:
        run("train.txt", *SMALL, "--checkpoint", "c")
    said = wordkit("train-lm", "train.txt", *wrong, status=1).stderr
    assert len(said.splitlines()) == 1 + ("--resume" in wrong) and message in said


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("--momentum 0.5 --preset awd-lstm", "--momentum has no effect with --optimizer asgd; "
         "leave it out, or choose --optimizer momentum or nesterov"),
        ("--preset nanogpt-cpu --residual", "--residual has no effect with --arch transformer;"),
        ("--arch transformer --heads 5", "hidden must be a multiple of 10, so that 5 heads divide"),
        ("--arch conv", "'conv' is not one of 'recurrent', 'transformer'"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together(texts: Path, wrong: str, message: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        run("train.txt", *wrong.split())
    assert message in refused.value.message


def test_what_torchrun_tells_is_a_number(
    wordkit: Wordkit, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "abc")
    said = wordkit("train-lm", "train.txt", *SMALL, status=1).stderr
    assert "$WORLD_SIZE must be a whole number, as torchrun sets it, not 'abc'" in said


# --- presets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_shown(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("--show-preset", name)
    done = capsys.readouterr()
    assert done.err == "" and list(folder.iterdir()) == []
    preset = get_preset(name)
    shown = dict(re.findall(r"^ *--([a-z0-9-]+) +(\S.*?)$", done.out, re.MULTILINE))
    assert done.out.startswith(f"{name}: ")
    options = {option.name: option.opts for option in command.params}
    configs = (preset.model, preset.training)
    useless = {n for c in configs for n, _ in without_effect(type(c), vars(c), vars(c))}
    for field, value in {**vars(preset.model), **vars(preset.training)}.items():
        option = "embeddings" if field == "start_embeddings" else field.replace("_", "-")
        if field == "adaptive" or field in useless:  # the first is said by --softmax
            assert option not in shown
            continue
        assert f"--{option}" in options[option.replace("-", "_")], "what is shown can be given"
        found = shown[option].split()[0]
        if value is None or isinstance(value, bool):
            assert found == {None: "-", True: "yes", False: "no"}[value], field
        elif isinstance(value, str):
            assert found == value, field
        else:
            assert float(found) == pytest.approx(value, rel=1e-5), field


# --- word vectors to start from -------------------------------------------------------------------


def test_vectors_of_a_file(wordkit: Wordkit, texts: Path) -> None:
    (texts / "some.txt").write_text("cat 1 2 3\ndog 4 5 6\nzebra 7 8 9\n")
    said = wordkit(
        "train-lm", "train.txt", *SMALL, "--embeddings", "some.txt", "--freeze-embeddings"
    ).stderr
    assert "2 of 10 words have vectors to start from" in said
    model = load_language_model("lm.safetensors")
    vectors = model.embeddings()
    assert model.config.width_in == 3 and vectors.vector("dog").tolist() == [4, 5, 6]


# --- bad input ------------------------------------------------------------------------------------


def test_bad_input(wordkit: Wordkit, texts: Path) -> None:
    """One plain line that names what is wrong; the old model stays, and nothing is left behind."""
    (texts / "lm.safetensors").write_text("the old one")
    before = {p.name for p in texts.iterdir()}
    for wrong, says in (
        (("--steps", "900"), "and a window of 4 sequences and 900 steps takes 3,600"),
        (("--lr", "1e30", "--clip-norm", "1e30"), "lower lr"),
    ):
        done = wordkit("train-lm", "train.txt", *SMALL, *wrong, status=1)
        assert says in done.stderr.splitlines()[-1] and done.stdout == ""
        assert {p.name for p in texts.iterdir()} == before
    assert (texts / "lm.safetensors").read_text() == "the old one"


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [
        ("--valid some --log some/valid.txt", "some/valid.txt"),
        ("--checkpoint c --resume --embeddings vectors -o vectors", "vectors"),
        ("--valid ptb-valid --data-dir some --log some/ptb.valid.txt", "some/ptb.valid.txt"),
        ("ptb-valid some --data-dir some -o some/ptb.valid.txt", "some/ptb.valid.txt"),
        ("ptb-valid some --data-dir some -o some/valid.txt", "some/valid.txt"),
    ],
)
def test_nothing_that_is_read_is_written_over(texts: Path, arguments: str, lost: str) -> None:
    (texts / "vectors").write_text("1 2\ncat 0.5 0.25\n")
    (texts / "some").mkdir()
    shutil.copy("valid.txt", "some")
    shutil.copy("valid.txt", "some/ptb.valid.txt")
    if "--resume" in arguments:
        run("train.txt", *SMALL, "--dim", "2", "--checkpoint", "c")
    before = (texts / lost).read_bytes()
    with pytest.raises(WordkitError, match=f"{lost} is read.*; write to another file"):
        run("train.txt", *SMALL, *arguments.split())
    assert (texts / lost).read_bytes() == before


def test_a_vocabulary_over_memory(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordkit.runtime.memory.available_memory", lambda: 1 << 20)
    with pytest.raises(ResourceError, match="a model of 10 words .* raise the minimum count"):
        run("train.txt", *SMALL)
    assert not (texts / "lm.safetensors").exists()


def test_divergence_after_a_validation_keeps_the_best_model(
    texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rate(_: object, __: float, epochs: float, *, plateaus: int) -> float:
        return 0.01 if epochs < 1 else 1e30

    monkeypatch.setattr("wordkit.training.trainer.learning_rate", rate)
    options = ("--valid", "valid.txt", "--epochs", "3", "--clip-norm", "1e30")
    with pytest.raises(WordkitError, match="diverged"):
        run("train.txt", *SMALL, *options)
    kept = load_language_model("lm.safetensors")
    assert kept.metadata["training"]["validations"][0]["epochs"] == 1


def test_another_optimizer_brings_its_own_rate(wordkit: Wordkit, texts: Path) -> None:
    run("train.txt", *SMALL, "--optimizer", "adam")
    assert load_language_model("lm.safetensors").metadata["settings"]["lr"] == 5e-3
    more = ("--lr", "0.01", "--softmax", "sampled", "--exact-share", "0.3")  # once its name
    wordkit("train-lm", "train.txt", *SMALL, "--optimizer", "adam", *more)
    settings = load_language_model("lm.safetensors").metadata["settings"]
    assert (settings["lr"], settings["exact_fraction"]) == (0.01, 0.3)
