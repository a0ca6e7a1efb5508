"""Run the benchmarks and keep what they print: make bench.

    python benchmarks/run.py [NAME ...]

Each script's output goes to the terminal and to benchmarks/results/NAME.txt.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = ["preparing", "counting", "startup", "reading_vectors", "analogies", "memory"]


def run(name: str) -> int:
    """Run a script, show and keep its output, and return its status."""
    print(f"\n=== benchmarks/{name}.py", flush=True)
    lines = [f"$ python benchmarks/{name}.py\n"]
    command = [sys.executable, "-u", str(HERE / f"{name}.py")]
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
    failed = [name for name in sys.argv[1:] or SCRIPTS if run(name)]
    if failed:
        sys.exit(f"these ended with an error: {', '.join(failed)}")


if __name__ == "__main__":
    main()
