"""The plan of the house: what may import what, what a light import loads, what a wheel holds."""

from __future__ import annotations

import ast
import os
import pydoc
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from wordnet_files import write_wordnet

import wordkit
import wordkit_corpora
from wordkit import aliases, errors
from wordkit.embeddings import Embeddings, save_embeddings

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"torch", "nltk", "numba", "sklearn", "scipy", "matplotlib", "rich", "cloup", "gensim"}


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a piece of Python loads."""
    probe = f"{code}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.splitlines()[-1].split())


def test_imports_are_light() -> None:
    """All in one process: what none loads there, none loads alone."""
    modules = [
        *("errors", "runtime", "storage", "text", "embeddings", "counts", "evaluation", "plots"),
        "thesaurus",
    ]
    commands = ["commands", "compare", "generate", "prepare", "similar", "train_counts"]
    commands += ["train_lm", "train_w2v"]
    names = [f"wordkit.{name}" for name in modules] + [f"wordkit_cli.{name}" for name in commands]
    assert not loaded_by(f"import wordkit_corpora.named, {', '.join(names)}") & HEAVY


def test_small_jobs_load_little(tmp_path: Path) -> None:
    """Vectors and a WordNet are asked, and a device is chosen."""
    save_embeddings(Embeddings(["a", "b", "c"], np.eye(3) + 1), tmp_path / "v.txt")
    write_wordnet(tmp_path / "words")
    code = f"""
import sys
from pathlib import Path
from wordkit.embeddings import load_embeddings, save_embeddings
from wordkit.runtime import devices
from wordkit_cli.wordnet import load_wordnet
folder = Path({str(tmp_path)!r})
vectors = load_embeddings(folder / "v.txt")
assert vectors.analogy("a", "b", "c", n=1) == []
save_embeddings(vectors, folder / "v.safetensors")
assert load_embeddings(folder / "v.safetensors").most_similar("a")
assert load_wordnet(str(folder / "words")).similarity("car", "ox", "lch")
devices._LINUX_DRIVERS = ()
assert devices.choose_device("cpu") == "cpu"
if sys.platform == "linux":
    assert devices.choose_device("auto") == "cpu"
"""
    assert not loaded_by(code) & HEAVY


def test_import_wordkit_loads_nothing_else() -> None:
    assert not loaded_by("import wordkit, wordkit_corpora") & (HEAVY | {"numpy", "click", "urllib"})
    assert all(getattr(wordkit_corpora, name) for name in wordkit_corpora.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        wordkit_corpora.nothing


def loaded_by_command(*arguments: str) -> set[str]:
    return loaded_by(
        "from wordkit_cli.main import main\n"
        f"try:\n    main({list(arguments)})\nexcept SystemExit as end:\n    assert not end.code"
    )


def test_help_loads_click_alone() -> None:
    loaded = loaded_by_command("--help")
    assert "click" in loaded
    assert not loaded & (HEAVY | {"numpy"})


def test_commands_load_what_they_need(tmp_path: Path) -> None:
    text, corpus, out = (str(tmp_path / name) for name in ("t.txt", "t.ids", "v.safetensors"))
    lines = (f"a{i % 7} b{i * i % 11} c{i % 5}\n" for i in range(200))
    Path(text).write_text("".join(lines))
    kernels = {"numba", "scipy"}  # Numba loads the latter for its BLAS
    assert not loaded_by_command("similar", "car") & HEAVY
    assert loaded_by_command("prepare", text, "-o", corpus) & HEAVY == kernels
    assert loaded_by_command("train-counts", text, "--dim", "5", "-o", out) & HEAVY == kernels
    assert loaded_by_command("train-w2v", text, "-o", out) & HEAVY == kernels


def test_all_names_are_there_and_seen_by_type_checkers() -> None:
    assert all(getattr(wordkit, name) is not None for name in dir(wordkit))
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        wordkit.train  # type: ignore[attr-defined]
    for name, ours in wordkit._FAMILIAR.items():
        with pytest.raises(AttributeError, match=re.escape(f"{name}'; use wordkit.{ours}")):
            getattr(wordkit, name)
        assert re.findall(r"\w+", ours)[0] in dir(wordkit)
    vectors = Embeddings(["a"], [[1.0]])
    for name, ours in aliases.EMBEDDINGS.items():
        with pytest.raises(AttributeError, match=re.escape(f"{name!r}; use {ours}")):
            getattr(vectors, name)
        called = [word for word in re.findall(r"(\w+)\(", ours) if word not in ("len", "load")]
        assert all(hasattr(vectors, word) or hasattr(vectors.vocabulary, word) for word in called)
    tree = ast.parse(Path(wordkit.__file__).read_text())
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    }
    assert set(dir(wordkit)) == (typed - {"TYPE_CHECKING", "Any"}) | {"__version__"}
    assert len(pydoc.render_doc(wordkit).splitlines()) < 100, "one page of help"


def test_what_yields_reports_is_named_so() -> None:
    """One name, one meaning: plain names return values."""
    for root in ("wordkit", "cli", "corpora"):
        for path in (Path(wordkit.__file__).parents[1] / root).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    gives = ast.unparse(node.returns) if node.returns else ""
                    is_run = bool(re.match(r"\w*Run\b", gives)) or any(
                        ast.unparse(each) == "as_run" for each in node.decorator_list
                    )
                    assert is_run == node.name.startswith("iter_"), f"{path}: {node.name}"


@pytest.mark.parametrize("package", ["wordkit", "wordkit_cli"])
def test_a_package_is_the_command_line(package: str) -> None:
    command = [sys.executable, "-m", package, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"wordkit {wordkit.__version__}\n"


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    def subclasses(kind: type) -> dict[str, object]:
        ours = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
        return {each.__name__: subclasses(each) for each in ours}

    drawn: dict[str, object] = {}
    above = {-4: drawn}
    for indent, name in re.findall(r"^    ([│├└─ ]*)(\w+Error) ", str(errors.__doc__), re.M):
        above[len(indent)] = above[len(indent) - 4].setdefault(name, {})  # type: ignore[assignment, attr-defined]
    assert drawn == {"WordkitError": subclasses(errors.WordkitError)}


def test_no_code_lies_directly_in_cli_and_corpora() -> None:
    assert not list((ROOT / "cli").glob("*.py")) + list((ROOT / "corpora").glob("*.py"))


def version(text: str) -> tuple[int, ...]:
    """A version without the zeros at its end: 8.0.0 is 8."""
    return tuple(map(int, re.sub(r"(\.0)+$", "", text).split(".")))


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    bounds = re.findall(r'"([a-z-]+)>=([0-9.]+)"', (ROOT / "pyproject.toml").read_text())
    lines = (ROOT / "constraints-oldest.txt").read_text().splitlines()
    oldest = dict(line.split("==") for line in lines if not line.startswith("#"))
    allowed = {name: version(number) for name, number in bounds if name != "hatchling"}
    assert len(allowed) >= 20
    assert {name: version(number) for name, number in oldest.items()} == allowed


@pytest.mark.slow
def test_the_wheel(tmp_path: Path) -> None:
    """It holds the three packages and nothing else, and its command explains itself."""
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    environment = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}  # hatchling's too
    subprocess.run([sys.executable, *build], check=True, env=environment)
    (wheel,) = tmp_path.glob("wordkit-*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "wordkit",
        "wordkit_cli",
        "wordkit_corpora",
    }
    assert {"wordkit/py.typed", "wordkit/plots/map.html"} <= set(names)
    bundled = [f"wordkit/bundled/{name}" for name in ("vectors", "counts", "lm")]
    assert {f"{name}.{kind}" for name in bundled for kind in ("safetensors", "md")} <= set(names)
    sources = {
        str(path.relative_to(ROOT / root))
        for root in ("", "cli", "corpora")
        for package in (ROOT / root).glob("wordkit*")
        for path in package.rglob("*.py")
    }
    assert {name for name in names if name.endswith(".py")} == sources

    # an environment with Click and nothing else: help must need no more
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    install = ["-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run([sys.executable, *install], check=True)
    pins = ["-c", str(ROOT / "constraints.txt"), "click"]
    subprocess.run([sys.executable, *install[:-2], *pins], check=True)
    command = tmp_path / "env" / "bin" / "wordkit"
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "train-counts" in done.stdout
    files = "(path for its in metadata.distributions() for path in its.files)"
    tops = f"from importlib import metadata; print(*{{path.parts[0] for path in {files}}})"
    listed = subprocess.run([python, "-c", tops], capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) >= {"wordkit", "wordkit_cli", "wordkit_corpora"}
    assert not {"cli", "corpora", "tests", "benchmarks"} & set(listed.stdout.split())
