# Everything a visitor or a developer does. `make run` and `make test` set up all they need.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# The first Python that is new enough and can make a virtual environment.
PYTHON ?= $(shell for each in python3.11 python3 python3.12 python3.13 python3.14; do \
	command -v $$each >/dev/null 2>&1 \
	&& $$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$each; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check
CONFIG ?= config.toml
SEEDS ?= 1000
FIRST ?= 1
JOBS ?= 2

.PHONY: help run test check format bench soak simulate exchange coverage lock clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1 \t/' | expand -t 20

run: $(VENV)/.runtime  ## show calls being billed on a simulated exchange; Ctrl-C ends it
	@$(BIN)/python -m simulator demo --config $(CONFIG)

test: check  ## static checks and all tests, real servers included
	$(BIN)/python -m tests

check: $(VENV)/.development  ## static checks only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.development  ## write every file in the one form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.development  ## measure on this machine; prints JSON lines
	$(BIN)/python -m rtbill bench --json

soak: $(VENV)/.development  ## what takes longer than the tests may: seeds, calls, kills
	$(BIN)/python -m tests.soak

simulate: $(VENV)/.development  ## the whole service on seeded virtual time: make simulate SEEDS=1000
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(FIRST) --jobs $(JOBS)

exchange: $(VENV)/.runtime  ## only the simulated exchange, on a free port
	@$(BIN)/python -m simulator asterisk

coverage: $(VENV)/.development  ## which lines the tests do not reach
	$(BIN)/coverage run -m pytest tests/unit tests/contract tests/property
	$(BIN)/coverage report

lock: $(VENV)/.development  ## compile the lock files anew from pyproject.toml
	$(BIN)/pip-compile $(LOCK) --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile $(LOCK) --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock pyproject.toml
LOCK := --quiet --upgrade --extra checkout --extra simulator --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

clean:  ## remove what was made, but not the books in var/
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "rtbill needs Python 3.11 or newer that can make a virtual environment. On Debian and Ubuntu:"; \
		echo "  sudo apt install python3 python3-venv"; \
		exit 1; \
	fi
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.development: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
