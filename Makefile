# wordkit: make demo | test | test-oldest | test-remote | docs | bench | venv
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

OLDEST := .venv-oldest
REMOTE := .venv-remote

# One process for each core; the tests of a module stay in one, and share what it has made.
PYTEST := -m pytest -n auto --maxprocesses 8 --dist loadscope

.PHONY: help demo test test-oldest test-remote docs bench venv clean

help:
	@echo "make demo   install into .venv, learn from the documentation of Python, ask, and let it write"
	@echo "make test   install into .venv, then every test, ruff, mypy and the import rules"
	@echo "make test-oldest  install the oldest versions that pyproject.toml allows into $(OLDEST), then every test"
	@echo "make test-remote  install what an S3 server on this machine needs too, then read texts from it"
	@echo "make docs   install into .venv, then the guides and the reference: docs/_build/html/index.html"
	@echo "make bench  install into .venv, then the benchmarks (an hour or two)"
	@echo "make venv   install into .venv and no more"

venv: $(READY)

# Installs again only when what is to be installed has changed.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "wordkit needs Python 3.10 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing wordkit and what it needs into $(VENV) (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,plot,bleu,bpe,chinese,japanese,remote,cluster]'
	@touch $@

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh benchmarks/demo.sh

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python $(PYTEST)

# moto's server, which speaks S3 on the loopback, and the driver: the extra test-remote, in a folder of
# its own, as they want older versions of what other packages have newer.
test-remote: $(READY)
	@test -d $(REMOTE)/moto || { echo "Installing moto and s3fs into $(REMOTE) ..."; $(BIN)/python -m pip \
	  install --quiet --disable-pip-version-check --target $(REMOTE) 'moto[server]>=5' s3fs; }
	PYTHONPATH=$(REMOTE) $(BIN)/python -m pytest tests/remote tests/corpora/test_remote_texts.py

# On the oldest Python too: make PYTHON=python3.10 test-oldest.
test-oldest: $(OLDEST)/.ready
	$(OLDEST)/bin/python $(PYTEST)

$(OLDEST)/.ready: pyproject.toml constraints-oldest.txt
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	@echo "Installing the oldest versions that wordkit allows into $(OLDEST) (several minutes) ..."
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints-oldest.txt -e '.[dev,plot,bleu,bpe,chinese,japanese,remote,cluster]'
	@touch $@

# Sphinx and what it needs are installed when they are first wanted; warnings are errors.
docs: $(READY)
	@$(BIN)/python -c 'import furo, myst_parser, sphinx' 2>/dev/null || $(BIN)/python -m pip install \
	  --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python -m sphinx -b html -n -W --keep-going -q docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(READY)
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) $(OLDEST) $(REMOTE) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist docs/_build
	find . -name __pycache__ -prune -exec rm -rf {} +
