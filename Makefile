# The course's commands. `make help` lists them; each one sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.core
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Small matrices: one thread per process is faster than two processes fighting over the cores.
TEST_ENV := OMP_NUM_THREADS=1 PYTHONWARNINGS=default

.PHONY: help setup demo test lab release solutions bench lint clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(READY)  ## everything in .venv (about 3 minutes, 7 GB) and the system packages

$(BIN)/python:
	@sh scripts/system_packages.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, but $(PYTHON) is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(CORE): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the core into $(VENV): homework, authoring, grader (about a minute, 0.5 GB, only once)"
	$(PIP) --constraint requirements.lock setuptools wheel
	$(PIP) --constraint requirements.lock --no-build-isolation --editable .
	@touch $(CORE)

$(READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing everything into $(VENV), PyTorch included (about 3 minutes, 7 GB, only once)"
	$(PIP) --requirement requirements.lock
	$(PIP) --no-build-isolation --no-deps --editable .
	@touch $(CORE) $(READY)

demo: $(CORE)  ## the homework played through, from source notebook to feedback, in demo/
	@bash scripts/demo.sh

test: $(READY) lint  ## every check
	@$(TEST_ENV) bash scripts/test.sh

lab: $(READY)  ## JupyterLab at the course root, with formgrader
	jupyter lab

release: $(READY)  ## regenerate release/ from source/
	authoring release

solutions: $(READY)  ## regenerate solutions/ (executes the notebooks)
	authoring solutions

bench: $(READY)  ## the benchmarks behind the README's Measured section
	@for script in benchmarks/*.py; do echo "== $$script"; python $$script; done

lint: $(READY)  ## ruff, mypy and the rules of who may import whom
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache

clean:  ## remove what demo, tests and tools leave behind; never the environment, never grades
	rm -rf demo artifacts .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
