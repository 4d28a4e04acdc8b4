# What one does here. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Any Python from 3.11 on; `make PYTHON=/path/to/python3.13 run` chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
ARGS ?=
JOBS ?= 4
SEED ?= 1
RUNS ?= 10
FOR ?= 45s
SOAK_S ?= 1800
PYTEST = -m pytest -q -n $(JOBS) --dist worksteal
# Whole farms are many processes each, so they come last and two at a time. Schedules in virtual time run without coverage:
# what they run is covered by the rest, and they are slow when they are traced.
PARTS = --ignore=tests/e2e --ignore=tests/browser --ignore=tests/chaos
SCHEDULES = $(PYTEST) tests/chaos
FARMS = -m pytest -q -n 2 --dist loadscope -m "not slow" tests/e2e tests/browser

.PHONY: help setup run test unit check lint audit bench guard chaos soak lock env dashboards reference docs docs-serve screenshots clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.ready: requirements.txt requirements.in pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Install one, or say: make PYTHON=/path/to/python run"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) (about a minute the first time)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv"; exit 1; }
	@$(PIP) install --use-pep517 -r requirements.txt
	@PYTHONWARNINGS="ignore:Editable installation" $(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@echo "Adding what the tests need"
	@$(PIP) install -r requirements-dev.txt
	@touch $@

setup: $(VENV)/.ready ## Prepare .venv, start nothing

run: $(VENV)/.ready ## Start the whole farm on this machine; make run ARGS="--for 90s" stops by itself
	@exec $(BIN)/cdb up $(ARGS)

test: $(VENV)/.ready-dev ## Run the whole test suite, with servers of its own
	@$(BIN)/python $(PYTEST) --ignore=tests/e2e --ignore=tests/browser $(ARGS)
	@$(BIN)/python $(FARMS) $(ARGS)

unit: $(VENV)/.ready-dev ## Run the unit tests only
	@$(BIN)/python $(PYTEST) tests/unit $(ARGS)

lint: $(VENV)/.ready-dev ## ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint docs guard ## What has to hold before a change lands: lint, the site, hot paths, all tests, coverage
	rm -f .coverage .coverage.*
	$(BIN)/python $(PYTEST) $(PARTS) --cov --cov-report= $(ARGS)
	$(BIN)/python $(SCHEDULES) $(ARGS)
	$(BIN)/python $(FARMS) $(ARGS)
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='app/domain/*,app/strategies/*,app/risk/*,app/steps/*,tasks/*'

audit: $(VENV)/.ready-dev ## Known holes in what is installed (asks PyPI), secrets in what is tracked
	$(BIN)/detect-secrets-hook --baseline .secrets.baseline $$(git ls-files)
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements.txt -r requirements-dev.txt

bench: $(VENV)/.ready-dev ## Measure; every figure beside a baseline of the same run
	@$(BIN)/python -m tests.bench $(ARGS)

guard: $(VENV)/.ready-dev ## Whether the hot paths still cost what they did, beside fixed work of the same run
	@$(BIN)/python -m tests.bench.guard

chaos: $(VENV)/.ready-dev ## Kill and cut what can be, ten scripts and the tests; SEED=7 RUNS=1 FOR=5m chooses others
	@$(BIN)/cdb chaos --seed $(SEED) --runs $(RUNS) --for $(FOR)
	@$(BIN)/python -m pytest -q -m chaos tests $(ARGS)
	@CHAOS_SCHEDULES=10000 $(BIN)/python $(SCHEDULES) $(ARGS)

soak: $(VENV)/.ready-dev ## Whole farms as fast as a venue lets them, half an hour on each database; SOAK_S=3600 for an hour
	@CDB_TEST_SOAK_S=$(SOAK_S) $(BIN)/python -m pytest -q -rP tests/soak $(ARGS)

lock: $(VENV)/.ready-dev ## Pin and hash requirements*.in anew, for every supported Python
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --upgrade requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --upgrade requirements-dev.in -o requirements-dev.txt

env: $(VENV)/.ready ## Write .env.example and docs/settings.md from the settings
	@$(BIN)/python -m app.settings > .env.example
	@$(BIN)/python -m app.settings docs > docs/settings.md

dashboards: $(VENV)/.ready ## Write Grafana's dashboards from deploy/grafana/boards.py
	@$(BIN)/python -m deploy.grafana.boards

reference: $(VENV)/.ready ## Write docs/reference from the code
	@$(BIN)/python -m reference

docs: $(VENV)/.ready-dev ## Build the documentation site into build/site; warnings are errors
	@$(BIN)/zensical build --clean --strict

docs-serve: $(VENV)/.ready-dev ## Show the documentation site on http://localhost:8008, anew with every change
	@$(BIN)/zensical serve --dev-addr localhost:8008

screenshots: $(VENV)/.ready-dev ## Write docs/images from a farm of its own in Chromium, which takes some minutes
	@$(BIN)/python -m pytest -q tests/browser/screenshots.py $(ARGS)

clean: ## Remove .venv and caches; the farm's data in .cdb stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* *.egg-info
