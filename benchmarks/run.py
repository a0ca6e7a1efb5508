"""Run the benchmarks and keep what they print: make bench.

    python benchmarks/run.py [NAME ...]
    python benchmarks/run.py NAME --OPTION ...

The output of each goes to the terminal and to benchmarks/results/NAME.txt, and all of them into
benchmarks/RESULTS.md. A name is that of a script, or of a script and its subcommand, such as
word2vec_speed; options go to the script. Those that take long are run only when they are named:
word2vec_quality, word2vec_sweep, word2vec_sweep_tenth and word2vec_processes (an hour),
word2vec_subwords (two minutes, ten with fastText's program), glove (ten minutes, half an hour with
GloVe's own program), lm_goal and lm_minutes (a quarter and half of one), lm_adaptation (an hour and
more), lm_finetuning (seven minutes), lm_architectures (four hours), lm_characters (half an hour),
translation_bleu (six minutes), translation_bpe (as long), dialogues_memory and dialogues_situations
(ten minutes each), dialogues_everyday (an hour and more), dialogues_speed (ten minutes),
sentence_vae (an hour), classification (half an hour), methods (an hour), guides (ten minutes),
scaling (1 GB of text), scale (five minutes), and lm_devices and devices, which need a GPU.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from report import write_report

HERE = Path(__file__).resolve().parent
SCRIPTS = [
    "preparing",
    "units",
    "counting",
    "phrases",
    "startup",
    "reading_vectors",
    "analogies",
    "memory",
    "word2vec_speed",
    "word2vec_command",
    "word2vec_scaling",
    "word2vec_table",
    "lm_speed",
    "lm_nanogpt",
    "lm_memory",
    "documents",
    "seq2seq_addition",
    "seq2seq_dates",
    "seq2seq_long",
    "seq2seq_speed",
    "translation_speed",
    "busy",
    "binary_addition",
    "gradient_norms",
    "soak",
    "reader_cases",
]
SUBCOMMANDS = {
    f"word2vec_{name}": ["word2vec.py", name]
    for name in ("speed", "command", "quality", "sweep", "processes", "scaling", "table")
}
SUBCOMMANDS["word2vec_sweep_tenth"] = ["word2vec.py", "sweep", "--limit", "33750"]
SUBCOMMANDS |= {
    f"lm_{name}": ["lm.py", name]
    for name in (
        "goal", "speed", "minutes", "adaptation", "finetuning", "architectures", "characters",
        "nanogpt", "memory", "devices",
    )
}  # fmt: skip
SUBCOMMANDS |= {
    f"seq2seq_{name}": ["seq2seq.py", name] for name in ("addition", "dates", "long", "speed")
}
SUBCOMMANDS |= {f"translation_{name}": ["translation.py", name] for name in ("speed", "bleu")}
SUBCOMMANDS["translation_bpe"] = ["translation.py", "bleu", "--unit", "bpe"]
SUBCOMMANDS |= {f"dialogues_{name}": ["dialogues.py", name] for name in ("memory", "situations")}
SUBCOMMANDS |= {
    f"dialogues_{name}": ["everyday_dialogues.py", name] for name in ("everyday", "speed")
}


def run(name: str, *options: str) -> int:
    """Run a benchmark, show and keep its output, and return its status."""
    script, *arguments = SUBCOMMANDS.get(name, [f"{name}.py"])
    arguments += options
    shown = " ".join(["python", f"benchmarks/{script}", *arguments])
    print(f"\n=== {shown.removeprefix('python ')}", flush=True)
    lines = [f"$ {shown}\n"]
    command = [sys.executable, "-u", str(HERE / script), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode == 0:
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    return process.returncode


def main() -> None:
    """Run all, or those named."""
    arguments = sys.argv[1:]
    first = next((i for i, text in enumerate(arguments) if text.startswith("-")), len(arguments))
    names, options = arguments[:first] or SCRIPTS, arguments[first:]
    if options and len(names) != 1:
        sys.exit("options are those of one script: name it before them")
    failed = [name for name in names if run(name, *options)]
    write_report()
    if failed:
        sys.exit(f"these ended with an error: {', '.join(failed)}")


if __name__ == "__main__":
    main()
