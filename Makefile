# Two commands matter to a newcomer: `make demo` and `make test`. Each does all of its own set-up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
SRC    := flows detectors
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

.PHONY: help demo test lint types bench soak gazetteer map lock build clean
help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

demo: $(VENV)/.runtime ## Replay the bundled simulated outage and write its incident page
	@$(BIN)/uproar demo

test: $(VENV)/.dev lint types ## Everything that must be true: rules, types, tests, coverage
	@$(BIN)/python -m tests.run

lint: $(VENV)/.dev ## Style and import rules
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy $(SRC) tests benchmarks

bench: $(VENV)/.dev ## Benchmarks: ratios measured in one run
	@$(BIN)/python -m benchmarks

soak: $(VENV)/.dev ## The long runs: hundreds of kills, hours of schedule
	@UPROAR_SOAK=1 $(BIN)/python -m pytest -m soak -p no:cacheprovider

gazetteer: $(VENV)/.dev ## Build the gazetteer again from its pinned sources (needs pip, npm, the network)
	@$(BIN)/python scripts/gazetteer

map: $(VENV)/.dev ## Build the map's outlines again from their pinned sources (needs pip, npm, the network)
	@$(BIN)/python scripts/map

lock: ## Rebuild both lock files (needs the network)
	@bash scripts/lock

build: $(VENV)/.dev ## Build the wheel
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist

clean: ## Remove what the commands above have made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage* data/var

# pip checks every hash; --no-deps because the lock is complete, --no-build-isolation because the back end is in it.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) from requirements.lock (about a minute, once) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) from requirements-dev.lock (about a minute, once) ..."
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
