# Every target is self-contained: it makes .venv, installs what it needs, and goes on. A second run starts at once.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
# Where bytecode may not be kept, every process compiles all it imports again: a third of the time of the tests.
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: help run test test-fast lint bench clean

help:
	@echo "make run    set everything up and serve the chat page with the demo knowledge base"
	@echo "make test   set everything up and run every check"
	@echo "make lint   style, types and import rules only"
	@echo "make bench  measure speed; results go to data/baselines/"

# torch first, by its one pin: whatever build is at hand for it satisfies the looser range of pyproject.toml.
$(VENV)/.torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r constraints.txt uv
	@touch $@

$(STAMP): $(VENV)/.torch pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

run: $(STAMP)
	@exec $(BIN)/touchstone serve

# By file, so that what a file sets up is set up once, in the order of tests/conftest.py; four at most, for each may
# hold a server and a browser.
SHARED_OUT := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: lint
	$(BIN)/python -m pytest $(SHARED_OUT)

test-fast: $(DEV_STAMP)
	$(BIN)/python -m pytest $(SHARED_OUT) -m "not slow and not browser and not fault"

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/touchstone bench

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache
