# Everything here needs Python 3.11+ and make, nothing else. `make` alone lists the commands.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
REPORT ?= edgewise-report
ARGS   ?=

# One thread a process: the tests run one process a core, and results do not depend on the machine.
PINNED := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
WORKERS ?= auto

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo setup test test-one test-all fuzz fmt lint docs pictures screenshots package wheels releasable audit bench bench-first check clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-11s %s\n", $$1, $$2}'

demo: $(VENV)/.installed  ## install, then discover Kepler's third law from the shipped table of real orbits
	$(BIN)/edgewise discover orbits --target period_days --out $(REPORT)

setup: $(VENV)/.developing  ## virtual environment with edgewise (editable) and the development tools

test: $(VENV)/.developing  ## the tests and every docstring's example
	$(PINNED) $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

test-one: $(VENV)/.developing  ## the tests and examples of one folder: make test-one P=pde
	$(PINNED) $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests/$(P) $(wildcard src/edgewise/$(P)) $(ARGS)

test-all: $(VENV)/.developing  ## the tests, the slow ones too
	$(PINNED) $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "slow or not slow" -o faulthandler_timeout=0 $(ARGS)

FUZZ ?= 100

fuzz: $(VENV)/.developing  ## the fuzzing tests with 100 times the cases (FUZZ=1000 for longer)
	EDGEWISE_FUZZ=$(FUZZ) $(PINNED) $(BIN)/python -m pytest -q -n $(WORKERS) --timeout 3600 -o faulthandler_timeout=0 tests/*/test_fuzz_*.py $(ARGS)

fmt: $(VENV)/.developing  ## format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.developing  ## ruff, the floors, the types, the docstrings' sections
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright --threads
	$(BIN)/python docs/check_docstrings.py

docs: $(VENV)/.documenting  ## the documentation site, in site/; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

screenshots: $(VENV)/.developing  ## the pictures of the studio in docs/pictures, from a real browser
	$(PINNED) $(BIN)/python docs/make_screenshots.py

pictures: $(VENV)/.developing  ## the pictures of the README and the pages, the gallery's too, in docs/pictures (a minute)
	$(PINNED) $(BIN)/python docs/make_pictures.py

package: $(VENV)/.developing  ## wheel and source distribution, in dist/, installed and run outside the checkout
	$(BIN)/python .ci/package.py

PLATFORM ?= manylinux_2_17_x86_64

wheels: $(VENV)/.developing  ## the wheel of this kind of system, with the kernels of its usual calls compiled, in dist/ (minutes)
	$(BIN)/python .ci/wheels.py $(PLATFORM)

RELEASING := $(VENV)/releasing

releasable: package $(RELEASING)/.installed  ## check what would be released: manifest, metadata, description, workflows, recipe
	$(RELEASING)/bin/check-manifest
	$(RELEASING)/bin/twine check --strict dist/*
	$(RELEASING)/bin/validate-pyproject pyproject.toml benchmarks/pyproject.toml
	$(RELEASING)/bin/pyroma --min 10 --skip-tests AuthorEmail,Url dist/edgewise-*.tar.gz  # there are none yet
	$(RELEASING)/bin/zizmor --offline --quiet .github/workflows
	$(RELEASING)/bin/python .ci/recipe.py

$(RELEASING)/.installed: .ci/releasing.txt | $(VENV)/bin/python
	@test -x $(RELEASING)/bin/python || $(PYTHON) -m venv $(RELEASING)
	@$(RELEASING)/bin/python -m pip --disable-pip-version-check install -q -r $<
	@touch $@

audit: $(VENV)/.installed  ## known vulnerabilities of the installed packages (asks the vulnerability databases)
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install -q pip-audit; }
	$(PIP) freeze --exclude-editable > $(VENV)/audit/installed.txt
	$(VENV)/audit/bin/pip-audit --strict --no-deps --disable-pip -r $(VENV)/audit/installed.txt

BASELINES  := benchmarks/.baselines-venv
BENCHMARKS ?=
BENCH      ?= --threads 1,2

bench: $(VENV)/.developing $(BASELINES)/.installed  ## the tests, then speed, memory and time to accuracy compared with other libraries (BENCHMARKS="layers memory" for some)
	$(MAKE) test
	$(BASELINES)/bin/edgewise bench $(BENCHMARKS) $(BENCH) --resume --out benchmarks/results
	$(BIN)/python benchmarks/draw.py

FIRST ?= fits discovery initialization structure unsupervised

bench-first: $(VENV)/.developing  ## the first studies: fits, discovery, starts, structure, relations (FIRST="fits" for some)
	$(BIN)/edgewise bench $(FIRST) --check --resume --out benchmarks/results

$(BASELINES)/.installed: benchmarks/baselines/requirements.txt benchmarks/baselines/alone.txt pyproject.toml benchmarks/pyproject.toml
	@echo "Installing the baselines and edgewise into $(BASELINES) (a few minutes the first time)"
	@test -x $(BASELINES)/bin/python || $(PYTHON) -m venv $(BASELINES)
	@$(BASELINES)/bin/python -m pip --disable-pip-version-check install -q -r $< -e ".[all]" -e ./benchmarks
	@$(BASELINES)/bin/python -m pip --disable-pip-version-check install -q --no-deps -r benchmarks/baselines/alone.txt
	@touch $@

check: lint test  ## all of it but bench

clean:  ## remove the environment, the report and every cache
	rm -rf $(VENV) $(REPORT) build dist site src/*.egg-info benchmarks/src/*.egg-info
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "edgewise needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "Creating a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No virtual environment: install the venv module of your Python (Debian: python3-venv)" >&2; exit 2; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing edgewise and its dependencies into $(VENV) (a few minutes the first time)"
	@$(PIP) install -q -e ".[discover,tables]"
	@touch $@

$(VENV)/.developing: pyproject.toml benchmarks/pyproject.toml | $(VENV)/bin/python
	@echo "Installing edgewise, its dependencies and the development tools into $(VENV) (a few minutes the first time)"
	@$(PIP) install -q -e ".[dev]" -e ./benchmarks
	@touch $@ $(VENV)/.installed

$(VENV)/.documenting: pyproject.toml | $(VENV)/bin/python
	@echo "Installing what builds the documentation into $(VENV)"
	@$(PIP) install -q -e ".[docs]"
	@touch $@
