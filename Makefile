# Everything runs in .venv, made from locks/dev.txt: exact versions with their hashes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
AIRFLOW := .venv-airflow

ENGINES :=
TRIALS :=
# Tests at once, each with a server of its own; on a server that was given there is one apply at a time.
JOBS ?= $(if $(ESPLAN_TEST_URL),0,2)

LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate

.PHONY: acceptance chaos demo docs fuzz test test-offline test-live test-matrix oracle test-airflow check format bench \
	reference lock sbom transcript clean

$(STAMP): pyproject.toml locks/dev.txt
	@echo "Making the environment in $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement locks/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP)  ## The main job, for real: plan, review, apply, prove, switch
	@ESPLAN=$(BIN)/esplan sh docs/demo/demo.sh

test: $(STAMP)  ## All tests; the live ones on the sandbox engine. JOBS=0: one after the other
	@$(BIN)/pytest -n $(JOBS) --dist loadfile

test-offline: $(STAMP)  ## The part that needs no server
	@$(BIN)/pytest -m "not live"

test-live: $(STAMP)
	@$(BIN)/pytest -m live -n $(JOBS) --dist loadfile

acceptance: $(STAMP)  ## The tutorial, as a new user would follow it: in a terminal (tmux)
	@$(BIN)/pytest tests/acceptance

transcript: $(STAMP)  ## The first transcript of the README, anew
	@$(BIN)/pytest tests/acceptance/test_tutorial.py -k readme --update-goldens

test-matrix: $(STAMP)  ## The live tests on every engine, or on those in ENGINES="…"
	@$(BIN)/python tests/matrix.py $(ENGINES)

$(AIRFLOW)/.made: $(STAMP) locks/airflow.txt
	@echo "Making the environment in $(AIRFLOW) …"
	@$(PYTHON) -m venv $(AIRFLOW)
	@$(AIRFLOW)/bin/python -m pip install --quiet --require-hashes --requirement locks/airflow.txt
	@touch $@

oracle: $(STAMP)  ## The rules against every engine, or those in ENGINES="…"
	@$(BIN)/python tests/live/corpus.py $(ENGINES)

fuzz: $(STAMP)  ## 5,000 random definitions against the sandbox engine (the tests take 300)
	@$(BIN)/pytest tests/live/test_normalize.py -k any_valid --hypothesis-profile=fuzz

chaos: $(STAMP)  ## All of every trial of docs/guarantees.md (hours), or some: TRIALS="-k kills"
	@$(if $(TRIALS),,rm -f tests/chaos/figures.json)
	@$(BIN)/pytest -n $(JOBS) --dist worksteal tests/chaos --chaos tests/chaos/figures.json $(TRIALS)
	@$(BIN)/python tests/chaos/table.py tests/chaos/figures.json docs/guarantees.md

test-airflow: $(STAMP) $(AIRFLOW)/.made  ## The example DAG, in a real Airflow
	@$(AIRFLOW)/bin/python -m pytest tests/airflow

reference: $(STAMP)  ## docs/reference, from the schemas and --help
	@$(BIN)/python docs/reference/generate.py

docs: reference  ## The site in site/: docs/ built, any warning is an error
	@$(BIN)/python -m sphinx -c docs -W --keep-going -n -q -b html -d site/.doctrees . site

check: $(STAMP)  ## Lint, types, import contracts, reference, known vulnerabilities
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/reference/generate.py --check
	@$(BIN)/python locks/audit.py locks/dev.txt

lock: $(STAMP)  ## The newest versions that pyproject.toml allows, with their hashes
	@$(LOCK) pyproject.toml --extra sandbox --group dev --output-file locks/dev.txt
	@$(LOCK) pyproject.toml --constraint locks/dev.txt --output-file locks/runtime.txt
	@$(LOCK) --group airflow --output-file locks/airflow.txt

sbom: $(STAMP)  ## dist/esplan.cdx.json (CycloneDX): what esplan needs to run, with hashes
	@$(BIN)/python locks/sbom.py

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP)  ## Ratios in one run, on the sandbox engine
	@$(BIN)/python bench/startup.py
	@$(BIN)/python bench/apply.py
	@$(BIN)/python bench/plan.py

clean:
	rm -rf $(VENV) $(AIRFLOW) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist site
