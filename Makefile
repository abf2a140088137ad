# Everything a person needs; each target sets up what it needs itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKOV := .venv-checkov/bin/checkov

.PHONY: help demo test lint types contracts check infra-check docs lock clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(READY): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Northstar needs Python 3.11 to 3.13; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) from the hashed lock file (about a minute, once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## the whole story on a year of real flights, in about four minutes
	@$(BIN)/python -m demo

# One more than there are cores, for tests wait for the processes that they start; four at most.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')

test: $(READY) ## the whole test suite
	@if ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } > /dev/null; then \
	  echo "No Chromium here: the tests in a browser are skipped by name (NORTHSTAR_WITHOUT_BROWSER=1)."; \
	  export NORTHSTAR_WITHOUT_BROWSER=1; \
	fi; $(BIN)/pytest -n $(WORKERS) --dist loadfile --durations 10

lint: $(READY) ## lint and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY) ## strict types
	@$(BIN)/mypy

contracts: $(READY) ## which package may import which
	@$(BIN)/lint-imports

check: lint types contracts infra-check test ## everything that CI runs

$(CHECKOV): requirements/checkov.lock
	@$(PYTHON) -m venv .venv-checkov
	@.venv-checkov/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/checkov.lock
	@touch $@

infra-check: $(READY) $(CHECKOV) ## Checkov on the infrastructure, in an environment of its own
	@infra/checkov/check.sh $(CHECKOV) $(BIN)/northstar

docs: $(READY) ## generate the reference pages from the code
	@$(BIN)/python docs/build.py

lock: $(READY) ## make the lock files anew
	@$(BIN)/pip install --quiet uv
	@for name in serve server dev image build; do ./requirements/lock.sh $$name $(BIN)/uv; done

clean: ## remove what was built (not the lock files)
	rm -rf $(VENV) .venv-checkov .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
