"""The examples of the guides that need data or minutes, run as their readers would.

    python benchmarks/guides.py

They are the blocks of docs/*.md that the comment "needs" marks. The tests check that the guides
show what this has printed; python tests/examples.py puts it into them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from machine import describe

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"

sys.path.insert(0, str(ROOT / "tests"))

from examples import PAGES, Example, Reader, examples  # noqa: E402


def run(pages: dict[Path, list[Example]]) -> None:
    """Run the examples of each page in a folder of its own, beside the data, and print them."""
    for page, marked in pages.items():
        print(f"\n{page.name}", flush=True)
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent, "wordkit")
            folder.mkdir()
            for file in [*DATA.glob("ptb/*"), *DATA.glob("seq2seq/*")]:
                (folder / file.name).symlink_to(file)
            reader = Reader(folder, DATA)
            for example in marked:
                print(f"$ {example.code}", flush=True)
                for line in reader.run(example):
                    print(line, flush=True)


def main() -> None:
    """Run all that are marked."""
    if not DATA.exists():
        raise SystemExit(f"this needs the data that belong into {DATA}")
    print(f"{describe()}\n", flush=True)
    marked = {page: [one for one in examples(page) if one.needs] for page in PAGES}
    run({page: some for page, some in marked.items() if some})


if __name__ == "__main__":
    main()
