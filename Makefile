# `make run` and `make test` are all that a newcomer needs; both set up first.
PYTHON ?= python3
BIN := .venv/bin
SAMPLE := .oso/sample
# Such as `make run SIZE='--events 1000000 --days 365'`.
SIZE ?=
# A file's tests share what they need, so one process runs them all; the longest come first.
SHARED_OUT := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: setup run test lint check test-long test-bigquery test-postgres test-kill test-readers fuzz conformance benchmark

setup: .venv/.installed

# Rebuilt only when what is to be installed has changed, so that later calls start at once.
.venv/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than Python 3.11; set PYTHON=/path/to/a/newer/one" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q -j 0 .venv/lib oso_processors
	@touch $@

# The main job on a sample that needs no network.
run: setup
	$(BIN)/oso sample $(SIZE)
	$(BIN)/oso run --from $(SAMPLE)

test: setup
	@$(MAKE) --no-print-directory -j 2 lint check
	$(BIN)/python -m pytest $(SHARED_OUT)

# The way of a newcomer word for word, kills, readers through releases, and the values of ../shared/data where it is.
test-long: setup
	$(BIN)/python -m pytest -m long tests

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Models and declarations: layout, house rules, unit tests, and Google's own SQL.
check: setup
	$(BIN)/oso check

# The models and the store on an emulator of BigQuery, which needs Python 3.13 for an environment of its own.
test-bigquery: setup
	$(BIN)/python -m pytest -m bigquery tests/bigquery

# The store's tests on Postgres 15 to 18, whose programs npm fetches once.
test-postgres: setup
	$(BIN)/python -m pytest -m postgres tests/postgres

# A longer search for inputs on which DuckDB and GoogleSQL differ.
fuzz: setup
	OSO_FUZZ=20 $(BIN)/python -m pytest tests/fuzz

# Thirty kills of a whole run at random moments, two hundred of a release and fifty of its Postgres; half an hour.
test-kill: setup
	OSO_KILLS=30 OSO_RELEASE_KILLS=200 $(BIN)/python -m pytest -m long tests/test_kills.py tests/release/test_kill.py

# Fifty readers of Postgres through two hundred releases.
test-readers: setup
	OSO_RELEASES=200 $(BIN)/python -m pytest -m long -s tests/test_readers.py

# Other people's Airbyte tools over our connectors and theirs under our lander, in environments of their own.
conformance: setup
	$(BIN)/python -m pytest -m conformance tests/conformance

benchmark: setup
	$(BIN)/python benchmarks/collect/run.py
