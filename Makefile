# Everything runs in .venv, made from pyproject.toml alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
AIRFLOW := .venv-airflow

ENGINES :=

.PHONY: demo fuzz test test-offline test-live test-matrix oracle test-airflow check format bench clean

$(STAMP): pyproject.toml
	@echo "Making the environment in $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable ".[sandbox]" --group dev
	@touch $(STAMP)

demo: $(STAMP)  ## The main job, for real: plan, review, apply, prove, switch
	@ESPLAN=$(BIN)/esplan sh docs/demo/demo.sh

test: $(STAMP)  ## All tests; the live ones on the sandbox engine
	@$(BIN)/pytest

test-offline: $(STAMP)  ## The part that needs no server
	@$(BIN)/pytest -m "not live"

test-live: $(STAMP)
	@$(BIN)/pytest -m live

test-matrix: $(STAMP)  ## The live tests on every engine, or on those in ENGINES="…"
	@$(BIN)/python tests/matrix.py $(ENGINES)

$(AIRFLOW)/.made: $(STAMP)
	@echo "Making the environment in $(AIRFLOW) …"
	@$(PYTHON) -m venv $(AIRFLOW)
	@$(AIRFLOW)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(AIRFLOW)/bin/python -m pip install --quiet --group airflow
	@touch $@

oracle: $(STAMP)  ## The rules against every engine, or those in ENGINES="…"
	@$(BIN)/python tests/live/corpus.py $(ENGINES)

fuzz: $(STAMP)  ## 5,000 random definitions against the sandbox engine (the tests take 300)
	@$(BIN)/pytest tests/live/test_normalize.py -k any_valid --hypothesis-profile=fuzz

test-airflow: $(STAMP) $(AIRFLOW)/.made  ## The example DAG, in a real Airflow
	@$(AIRFLOW)/bin/python -m pytest tests/airflow

check: $(STAMP)  ## Lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP)  ## Ratios in one run, on the sandbox engine
	@$(BIN)/python bench/startup.py
	@$(BIN)/python bench/apply.py
	@$(BIN)/python bench/plan.py

clean:
	rm -rf $(VENV) $(AIRFLOW) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
